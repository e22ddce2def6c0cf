"""Figure 2's counts: equal to counting one session after the other, whole, and never mixing sessions with and without
image queries."""

from __future__ import annotations

import pandas as pd
import pyarrow.parquet as pq
import pytest
from small_corpora import random_corpus

from bench.data.characteristics import LONGEST, count_characteristics
from bench.data.corpus import Corpus
from bench.paper.characteristics import draw_characteristics


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("corpora") / "small", sessions=80, longest=14)


@pytest.fixture(scope="module")
def counted(corpus: Corpus) -> pd.DataFrame:
    return count_characteristics(corpus)


def test_shares_are_those_of_counting_by_hand(corpus: Corpus, counted: pd.DataFrame) -> None:
    queries = pq.read_table(corpus.folder / "queries.parquet").to_pandas()
    impressions = pq.read_table(corpus.folder / "impressions.parquet").to_pandas()
    clicks = impressions.groupby("query")["clicked"].sum().reindex(range(len(queries)))
    pictured = queries.groupby("session")["image"].count() > 0
    lengths = queries.groupby("session").size()
    assert 0 < pictured.sum() < len(pictured)  # else this would test nothing
    for name, sessions in (("with image queries", pictured), ("without image queries", ~pictured)):
        mine = counted[counted["sessions"] == name].set_index(["panel", "value"])
        own = lengths[sessions]
        for value in range(1, LONGEST + 1):
            assert mine.loc[("session length", value), "share"] == pytest.approx((own == value).mean())
        assert mine.loc[("session length", LONGEST + 1), "share"] == pytest.approx((own > LONGEST).mean())
        assert mine.loc[("session length", 1), "mean"] == pytest.approx(own.mean())
        clicked = clicks[queries["session"].map(sessions)].dropna()
        for value in range(LONGEST + 1):
            assert mine.loc[("clicks per query", value), "share"] == pytest.approx((clicked == value).mean())
        assert mine.loc[("clicks per query", 0), "n"] == len(clicked)


def test_shares_sum_to_one(counted: pd.DataFrame) -> None:
    sums = counted.groupby(["panel", "sessions"])["share"].sum()
    assert len(sums) == 4
    assert sums.tolist() == pytest.approx([1.0] * 4)


def test_the_figure_says_that_data_are_simulated_and_has_its_numbers(corpus: Corpus, counted: pd.DataFrame) -> None:
    drawing = draw_characteristics({"small": corpus})
    plain, without = (text.get_text() for text in drawing.figure.legends[0].get_texts())
    means = counted.groupby(["sessions", "panel"])["mean"].first().map("{:.1f}".format)
    assert plain == (
        f"small (simulated): {means['with image queries', 'session length']} queries a session, "
        f"{means['with image queries', 'clicks per query']} clicks a query"
    )
    assert without.startswith("small (simulated), no images: ")
    pd.testing.assert_frame_equal(drawing.numbers.drop(columns="dataset"), counted)
    drawn = [line.get_ydata() for line in drawing.figure.axes[0].get_lines()]
    lengths = counted[counted["panel"] == "session length"]
    assert len(drawn) == 2
    assert drawn[0].tolist() == pytest.approx((100 * lengths["share"][: LONGEST + 1]).tolist())
