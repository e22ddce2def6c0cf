"""The signals do what they say in the first world: a planted one is there, one turned off is not, no count moves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.data.corpus import Corpus
from bench.data.csr import offsets_of
from bench.datasets.simulated import make
from bench.datasets.simulated.choices import click_utility
from bench.datasets.simulated.latents import LATENT_DIM
from bench.datasets.simulated.options import resolve
from bench.datasets.simulated.randomness import latent, stream

NOTHING = {"text_signal": 0, "visual_signal": 0, "user_signal": 0, "item_signal": 0, "position_signal": 0}
SHOWN = 40

World = Callable[..., Corpus]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Makes worlds by their knobs, each once; all sessions list all they showed."""
    made: dict[str, Corpus] = {}

    def of(**knobs: float) -> Corpus:
        key = repr(sorted(knobs.items()))
        if key not in made:
            folder = tmp_path_factory.mktemp("world") / "beauty"
            make(folder, name="beauty", sessions=1000, downstream=1000, **{"world": 1} | knobs)
            made[key] = Corpus(folder)
        return made[key]

    return of


def _agreement(corpus: Corpus, what: str) -> np.ndarray:
    """(queries, SHOWN) agreement of each shown item with what the session asked before its current query.

    Of ``images`` the first 128 numbers are used (the signal is spread over all 512), of ``words`` the mean vector.
    """
    columns = corpus.columns
    queries = len(columns.query_session)
    if what == "images":
        item = corpus.image_vectors[columns.item_image, :128] / np.float32(127)
        asked = np.where(columns.query_image[:, None] >= 0, item[columns.query_image], 0)
    else:
        item = _mean_words(corpus, columns.item_word_offsets, columns.item_words)
        asked = _mean_words(corpus, columns.query_word_offsets, columns.query_words)
    # What a session's leaf shows anyway says nothing within a list; taking it off makes the test sharper.
    leaf = columns.item_category
    mean = np.stack([item[leaf == c].mean(axis=0) for c in range(leaf.max() + 1)])
    of_query = leaf[columns.impression_item.reshape(queries, SHOWN)[:, 0]]
    there = columns.query_image >= 0 if what == "images" else np.ones(queries, dtype=bool)
    asked = (asked - mean[of_query]) * there[:, None]
    total = np.concatenate([np.zeros((1, asked.shape[1])), np.cumsum(asked, axis=0)])
    before = total[np.arange(queries)] - total[columns.session_queries[columns.query_session]]
    shown = (item - mean[leaf])[columns.impression_item].reshape(queries, SHOWN, -1)
    return np.einsum("qkd,qd->qk", shown, before.astype(np.float32), optimize=True).astype(np.float64)


def _mean_words(corpus: Corpus, offsets: np.ndarray, words: np.ndarray) -> np.ndarray:
    return np.add.reduceat(corpus.word_vectors[words], offsets[:-1]) / np.diff(offsets)[:, None]


def _z(corpus: Corpus, agreement: np.ndarray) -> float:
    """How far the clicked items' agreement is from that of randomly chosen items of the same lists, in deviations."""
    clicked = corpus.columns.impression_clicked.reshape(-1, SHOWN)
    n = clicked.sum(axis=1)
    centred = agreement - agreement.mean(axis=1, keepdims=True)
    spread = np.square(centred).sum(axis=1) / (SHOWN - 1)
    variance = n * spread * (1 - n / SHOWN)  # of a sum of n drawn without replacement
    return float((centred * clicked).sum() / np.sqrt(variance.sum()))


@pytest.mark.parametrize("what", ["images", "words"])
def test_nothing_in_the_session_helps_in_the_null_world(world: World, what: str) -> None:
    corpus = world(**NOTHING)
    assert abs(_z(corpus, _agreement(corpus, what))) < 3


@pytest.mark.parametrize("signal", ["text_signal", "visual_signal", "user_signal"])
def test_clicks_depend_on_who_searches_by_the_three_signals_only(signal: str) -> None:
    """With quality and position at their defaults: who looks at a list is no reason to click without the signals."""
    rng = stream("latents", seed=3)
    items, quality = latent(rng, (50, SHOWN, LATENT_DIM)), rng.standard_normal((50, SHOWN))
    people = latent(rng, (2, 2, 50, LATENT_DIM))  # two intents and two tastes
    null = {"text_signal": 0, "visual_signal": 0, "user_signal": 0}

    def utilities(knobs: dict[str, float]) -> list[np.ndarray]:
        options = resolve("beauty", knobs)
        return [click_utility(options, items, quality, *person) for person in people]

    assert np.array_equal(*utilities(null))
    assert not np.array_equal(*utilities(null | {signal: 1}))


@pytest.mark.parametrize(("signal", "half"), [("text_signal", 0), ("visual_signal", 1)])
def test_a_signal_reads_its_own_half_of_intent_and_item(signal: str, half: int) -> None:
    rng = stream("latents", seed=4)
    items, intent, taste = (latent(rng, (50, *size, LATENT_DIM)) for size in ((SHOWN,), (), ()))
    other = slice(LATENT_DIM // 2) if half == 1 else slice(LATENT_DIM // 2, None)
    options = resolve("beauty", NOTHING | {signal: 1})

    def utility() -> np.ndarray:
        return click_utility(options, items, np.zeros((50, SHOWN)), intent, taste)

    before = utility()
    intent[:, other], items[:, :, other] = 0, 0
    assert np.array_equal(utility(), before)


def test_a_planted_visual_signal_is_in_the_earlier_images(world: World) -> None:
    corpus = world(**NOTHING | {"visual_signal": 3})
    assert _z(corpus, _agreement(corpus, "images")) > 20
    assert abs(_z(corpus, _agreement(corpus, "words"))) < 4  # the engine's choice couples the two a little


def test_a_planted_textual_signal_is_in_the_earlier_words(world: World) -> None:
    corpus = world(**NOTHING | {"text_signal": 3})
    assert _z(corpus, _agreement(corpus, "words")) > 20
    assert abs(_z(corpus, _agreement(corpus, "images"))) < 4


def test_a_users_taste_shows_in_the_session(world: World) -> None:
    corpus = world(**NOTHING | {"user_signal": 3})
    assert _z(corpus, _agreement(corpus, "images")) > 10


def test_an_intent_that_does_not_stay_leaves_less_in_the_session(world: World) -> None:
    staying = world(**NOTHING | {"visual_signal": 3})
    leaving = world(**NOTHING | {"visual_signal": 3, "drift": 1})
    assert abs(_z(leaving, _agreement(leaving, "images"))) < 0.2 * _z(staying, _agreement(staying, "images"))


def test_good_items_are_clicked_by_everybody(world: World) -> None:
    def reliability(corpus: Corpus) -> float:
        """Correlation over items of the share of clicks in one half of the sessions with that in the other half."""
        columns = corpus.columns
        half = np.repeat(columns.query_session, SHOWN) % 2
        items = len(columns.item_image)
        shares = []
        for side in (0, 1):
            item, hit = columns.impression_item[half == side], columns.impression_clicked[half == side]
            shown, clicks = np.bincount(item, minlength=items), np.bincount(item[hit], minlength=items)
            shares.append((clicks + 1) / (shown + 15))
        return float(np.corrcoef(*shares)[0, 1])

    assert reliability(world(**NOTHING | {"item_signal": 2})) > 0.4
    assert reliability(world(**NOTHING)) < 0.1


def test_position_draws_clicks_to_the_top(world: World) -> None:
    def mean_rank(corpus: Corpus) -> float:
        return float(corpus.columns.impression_rank[corpus.columns.impression_clicked].mean())

    assert mean_rank(world(**NOTHING)) == pytest.approx((SHOWN + 1) / 2, abs=0.3)
    assert mean_rank(world(**NOTHING | {"position_signal": 1})) < 12


def test_without_signals_and_noise_the_top_is_clicked(tmp_path: Path) -> None:
    make(tmp_path / "corpus", name="beauty", sessions=200, downstream=200, noise=0, world=1, **NOTHING)
    clicked = Corpus(tmp_path / "corpus").columns.impression_clicked.reshape(-1, SHOWN)
    assert (np.diff(clicked.astype(int), axis=1) <= 0).all()


def test_the_engine_answers_the_query_with_variety(world: World) -> None:
    """Within the leaf, the top of a product query's list looks more like its image than the bottom does."""
    corpus = world(**NOTHING)
    columns = corpus.columns
    image = corpus.image_vectors[:, :128].astype(np.float32)
    query = np.flatnonzero(columns.query_kind == 1)
    items = columns.impression_item.reshape(-1, SHOWN)[query]
    agreement = np.einsum("qkd,qd->qk", image[items], image[columns.query_image[query]])
    assert agreement[:, :10].mean() > agreement[:, 10:30].mean() > agreement[:, 30:39].mean()


def test_what_a_session_has_searched_from_is_not_shown_again(world: World) -> None:
    """Else an image would tell an item, whose text was liked, and help where images are no reason to click."""
    columns = world().columns
    items = columns.impression_item.reshape(-1, SHOWN)
    back = 0
    while True:  # the image of the step `back` steps before
        query = np.arange(back, len(columns.query_session))
        query = query[columns.query_session[query - back] == columns.query_session[query]]
        if not len(query):
            break
        assert not (items[query] == columns.query_image[query - back][:, None]).any()
        back += 1


def test_no_knob_moves_a_count(world: World) -> None:
    default, null = world(), world(**NOTHING)
    for name in ("session_queries", "query_kind", "query_time", "session_user", "session_split", "query_impressions"):
        assert np.array_equal(getattr(default.columns, name), getattr(null.columns, name)), name
    counts = [np.diff(offsets_of(c.columns.impression_clicked)).reshape(-1, SHOWN).sum(axis=1) for c in (default, null)]
    assert np.array_equal(*counts)
    assert not np.array_equal(default.columns.impression_clicked, null.columns.impression_clicked)
