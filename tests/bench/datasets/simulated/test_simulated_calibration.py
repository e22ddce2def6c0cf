"""A simulated corpus has the figures of the paper's Table 1: exactly in expectation, in a sample but for chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.data.corpus import Corpus
from bench.data.published import PUBLISHED, SHARE_OVER_TEN_STEPS
from bench.datasets.simulated import make
from bench.datasets.simulated.calibration import MAX_KEYWORDS, MIN_TITLE, calibrate
from bench.errors import BenchError

SESSIONS = 12_000


@pytest.fixture(scope="module", params=sorted(PUBLISHED))
def corpus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("calibrated") / request.param
    make(folder, name=request.param, sessions=SESSIONS, downstream=SESSIONS // 10)
    return Corpus(folder)


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_the_published_table_agrees_with_itself(name: str) -> None:
    table = PUBLISHED[name]
    steps = (table["keyword_queries"] + table["product_queries"]) / table["sessions"]
    assert steps == pytest.approx(table["mean_steps"], abs=0.005)


def _per_session(corpus: Corpus) -> dict[str, np.ndarray]:
    """(sessions,) values whose mean Table 1 gives as a total per session."""
    columns = corpus.columns
    clicks = np.bincount(columns_of_clicks(corpus), minlength=len(columns.query_session))
    sums = {
        "keyword_queries": columns.query_kind == 0,
        "product_queries": columns.query_kind == 1,
        "clicks": clicks,
    }
    sessions = len(columns.session_start)
    return {k: np.bincount(columns.query_session, weights=v, minlength=sessions) for k, v in sums.items()}


def columns_of_clicks(corpus: Corpus) -> np.ndarray:
    """Query row of each click."""
    columns = corpus.columns
    query = np.repeat(np.arange(len(columns.query_session)), np.diff(columns.query_impressions))
    return query[columns.impression_clicked]


def _close(sample: np.ndarray, published: float) -> None:
    error = sample.std() / np.sqrt(len(sample))
    assert abs(sample.mean() - published) <= 0.02 * published + 2 * error
    assert abs(sample.mean() - published) <= 4.5 * error  # no more than chance


@pytest.mark.parametrize("figure", ["keyword_queries", "product_queries", "clicks"])
def test_totals_per_session(corpus: Corpus, figure: str) -> None:
    table = PUBLISHED[corpus.info.name]
    _close(_per_session(corpus)[figure], table[figure] / table["sessions"])


def test_users_and_items_per_session_are_exact(corpus: Corpus) -> None:
    table = PUBLISHED[corpus.info.name]
    assert corpus.num_users == round(SESSIONS * table["users"] / table["sessions"])
    assert len(corpus.columns.item_image) == round(SESSIONS * table["items"] / table["sessions"])


def test_items_that_appear_in_logged_impressions(corpus: Corpus) -> None:
    table = PUBLISHED[corpus.info.name]
    seen = len(np.unique(corpus.columns.impression_item)) / SESSIONS
    assert seen == pytest.approx(table["items"] / table["sessions"], rel=0.02)


def test_steps_and_time_spans(corpus: Corpus) -> None:
    table, columns = PUBLISHED[corpus.info.name], corpus.columns
    steps = np.diff(columns.session_queries)
    _close(steps, (table["keyword_queries"] + table["product_queries"]) / table["sessions"])
    _close(steps > 10, SHARE_OVER_TEN_STEPS)
    first, last = columns.session_queries[:-1], columns.session_queries[1:] - 1
    _close((columns.query_time[last] - columns.query_time[first]) / 60_000, table["mean_minutes"])


def test_words_per_query(corpus: Corpus) -> None:
    table, columns = PUBLISHED[corpus.info.name], corpus.columns
    words = np.diff(columns.query_word_offsets)
    _close(words[columns.query_kind == 0], table["mean_keyword_words"])
    _close(words[columns.query_kind == 1], table["mean_product_words"])


@pytest.mark.parametrize("shown", [10, 40, 200])
@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_the_solved_parameters_give_the_table_in_expectation(name: str, shown: int) -> None:
    table, solved = PUBLISHED[name], calibrate(name, shown)
    steps, clicks = np.arange(len(solved.steps)), np.arange(shown + 1)
    queries = (table["keyword_queries"] + table["product_queries"]) / table["sessions"]
    products = table["product_queries"] / table["sessions"]
    assert solved.steps @ steps == pytest.approx(queries, rel=1e-6)
    assert solved.steps[11:].sum() == pytest.approx(SHARE_OVER_TEN_STEPS, rel=1e-6)
    assert solved.steps[:2].sum() == 0
    later, p = steps[2:] - 1, solved.product
    assert solved.steps[2:] @ (later * p + (1 - p) ** later) == pytest.approx(products, rel=1e-6)
    forced = np.minimum(clicks + 1, shown)
    per_session = (queries - products) * (solved.clicks @ clicks) + products * (solved.clicks @ forced)
    assert per_session == pytest.approx(table["clicks"] / table["sessions"], rel=1e-6)
    assert MIN_TITLE + solved.title_spread * solved.title_chance == pytest.approx(table["mean_product_words"])
    assert 1 + (MAX_KEYWORDS - 1) * solved.keyword_chance == pytest.approx(table["mean_keyword_words"])


def test_every_item_is_shown(tmp_path: Path) -> None:
    make(tmp_path / "corpus", name="beauty", sessions=1500, downstream=1500)
    columns = Corpus(tmp_path / "corpus").columns
    assert np.bincount(columns.impression_item, minlength=len(columns.item_image)).min() > 0


def test_too_few_items_for_the_lists_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="too few"):
        make(tmp_path / "corpus", name="clothes", sessions=100, downstream=50, shown=100)
    assert not list(tmp_path.iterdir())
