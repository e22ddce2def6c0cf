"""The world's knobs do what they say, each off is the first model to the bit, and a null world stays one."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.data.corpus import Corpus
from bench.data.truth import read_truth
from bench.datasets.simulated import make
from bench.datasets.simulated.catalogue import read_images
from bench.datasets.simulated.intents import CHAIN, PIVOT, REPLACE, STAY, draw_intents
from bench.datasets.simulated.language import SELLER, SHOPPER, SPELLING
from bench.datasets.simulated.latents import FACETS, draw_facets, latents_of
from bench.datasets.simulated.options import Options, resolve
from bench.datasets.simulated.randomness import stream
from bench.datasets.simulated.visits import Steps
from bench.datasets.simulated.worlds import WORLDS, Knobs
from bench.plugins.options import declared_options

OFF = asdict(Knobs())
SMALL = {"sessions": 400, "downstream": 100}
FIRST_WORLD = "ac0aebde4c879fa2"
"""How the fingerprint of digital with 400 sessions began before there was a second world."""


def made(folder: Path, name: str = "digital", **options: Any) -> Corpus:
    make(folder, name=name, **{**SMALL, **options})
    return Corpus(folder)


def test_the_first_world_is_as_it_was_to_the_bit(tmp_path: Path) -> None:
    assert made(tmp_path / "first", world=1).info.fingerprint.startswith(FIRST_WORLD)
    assert made(tmp_path / "off", **OFF).info.fingerprint.startswith(FIRST_WORLD)


@pytest.mark.parametrize("knob", OFF)
def test_each_knob_alone_makes_another_world(tmp_path: Path, knob: str) -> None:
    value = asdict(WORLDS[2])[knob]
    assert value != OFF[knob], "the default world has everything on"
    assert not made(tmp_path / "one", world=1, **{knob: value}).info.fingerprint.startswith(FIRST_WORLD)


def test_a_knob_that_is_not_set_is_the_worlds_own() -> None:
    assert resolve("beauty", {"gap": 0.2}).knobs == Knobs(**asdict(WORLDS[2]) | {"gap": 0.2})
    assert resolve("beauty", {"world": 1}).knobs == Knobs()


def test_the_help_says_what_each_world_is() -> None:
    """``bench plugins beauty`` has "world" as default of these knobs: what that is must stand beside it."""
    _, first, second = re.split(r"\b[12]: ", declared_options(Options)["world"].help)
    for world, said in ((1, first), (2, second)):
        values = asdict(WORLDS[world])
        assert values.pop("text_signal") == values["visual_signal"]
        for knob, value in values.items():
            if value != 0:
                assert re.search(rf"\b{knob} {value}(?![.\d]*\d)", said), (world, knob)


def test_no_knob_moves_a_count(tmp_path: Path) -> None:
    first, second = made(tmp_path / "first", world=1).columns, made(tmp_path / "second").columns
    for name in ("session_queries", "query_kind", "query_time", "session_user", "session_split"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    clicked = [
        np.repeat(np.arange(len(c.query_session)), np.diff(c.query_impressions))[c.impression_clicked]
        for c in (first, second)
    ]
    assert np.array_equal(*clicked), "as many for each query"


def test_shoppers_and_sellers_rarely_choose_the_same_word() -> None:
    """Furnas et al. (1987): fewer than 20 of 100 pairs of people use the same word for the same thing."""
    assert SPELLING[SELLER] @ SPELLING[SHOPPER] < 0.2
    assert np.allclose(SPELLING.sum(axis=1), 1)


@pytest.mark.parametrize(("gap", "shared"), [(0.25, 0.75**0.5), (1.0, 0.0)])
def test_word_forms_share_their_meaning_by_one_minus_gap(tmp_path: Path, gap: float, shared: float) -> None:
    """What is common to the common and the shopper's word, regressed over all meanings of a leaf."""
    corpus = made(tmp_path / "corpus", world=1, gap=gap)
    common, _, shopper = np.split(corpus.word_vectors.astype(np.float64), 3)
    common, shopper = (vectors[-120:] - vectors[-120:].mean(axis=0) for vectors in (common, shopper))
    directions = np.linalg.svd(common, full_matrices=False)[2][:6]  # of the meaning: six dimensions, a leaf is constant
    read, said = common @ directions.T, shopper @ directions.T
    slope = float((read * said).sum() / np.square(read).sum())
    assert slope == pytest.approx(shared, abs=0.15)


def test_every_writer_uses_all_three_forms_in_their_shares(tmp_path: Path) -> None:
    columns = (corpus := made(tmp_path / "corpus")).columns
    meanings = len(corpus.word_vectors) // 3
    titles = np.bincount(columns.item_words // meanings) / len(columns.item_words)
    keyword = np.repeat(columns.query_kind == 0, np.diff(columns.query_word_offsets))
    typed = np.bincount(columns.query_words[keyword] // meanings) / keyword.sum()
    assert titles == pytest.approx(SPELLING[SELLER], abs=0.02)
    assert typed == pytest.approx(SPELLING[SHOPPER], abs=0.03)


def test_the_background_has_the_variance_asked_for_and_few_dimensions(tmp_path: Path) -> None:
    plain, busy = (made(tmp_path / str(n), world=1, nuisance=n).image_vectors.astype(np.float64) for n in (0, 4))
    added = busy - plain  # the background alone, but for what is clipped
    spectrum = np.sort(np.linalg.eigvalsh(np.cov(added, rowvar=False)))[::-1]
    assert spectrum[:8].sum() > 0.9 * spectrum.sum()
    visual_variance = 6 / 14 * (0.22 * 127) ** 2
    assert added.var(axis=0).mean() / visual_variance == pytest.approx(4, rel=0.15)


def test_what_the_engine_sees_of_an_image_is_its_visual_latent_and_noise(tmp_path: Path) -> None:
    corpus = made(tmp_path / "corpus", nuisance=4)
    seen, truth = read_images(np.asarray(corpus.image_vectors)), read_truth(corpus)
    latent = truth.items[:, 6:]
    leaf = corpus.columns.item_category
    for dimension in range(6):
        centred = [
            v - (np.bincount(leaf, v) / np.bincount(leaf))[leaf] for v in (seen[:, dimension], latent[:, dimension])
        ]
        assert 0.7 < np.corrcoef(*centred)[0, 1] < 0.999


@pytest.mark.parametrize("facets", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("correlation", [0.0, 0.5])
def test_latents_keep_their_moments_whatever_they_are_made_of(facets: float, correlation: float) -> None:
    knobs, rng = Knobs(facets=facets, correlation=correlation), stream("latents", seed=9)
    drawn = latents_of(rng.standard_normal((40_000, 12)), draw_facets(rng, 40_000, knobs), knobs).astype(np.float64)
    assert drawn.mean(axis=0) == pytest.approx(np.zeros(12), abs=0.03)
    assert drawn.var(axis=0) == pytest.approx(np.ones(12), abs=0.04)
    between = np.corrcoef(drawn, rowvar=False)[:6, 6:]
    assert np.diag(between) == pytest.approx(np.full(6, correlation), abs=0.03)
    assert np.abs(between - np.diag(np.diag(between))).max() < 0.03


def _chunk(sessions: int, length: int) -> Steps:
    product = np.tile(np.arange(length) % 3 == 2, sessions)
    ones = np.ones(sessions * length, dtype=np.int64)
    return Steps(np.arange(sessions + 1) * length, product, ones, ones)


def test_a_replacement_changes_one_facet_and_a_pivot_everything() -> None:
    knobs, steps = Knobs(reformulation=1.0), _chunk(3_000, 6)
    rngs = [stream(purpose, seed=3) for purpose in ("intents", "moves", "session facets")]
    intents = draw_intents(steps, np.array([0, 10]), 0.0, knobs, *rngs)
    first = np.arange(len(steps.product)) % 6 == 0
    changed = np.zeros_like(intents.intent, dtype=bool)
    changed[1:] = intents.intent[1:] != intents.intent[:-1]
    by_facet = changed.reshape(-1, 2, FACETS, 2).any(axis=(1, 3))  # (Q, FACETS)
    assert (intents.move[first] == STAY).all()
    assert (by_facet[intents.move == REPLACE].sum(axis=1) == 1).all()
    assert by_facet[intents.move == PIVOT].all()
    assert not by_facet[~first & (intents.move != REPLACE) & (intents.move != PIVOT)].any()
    assert not (intents.move[steps.product] == PIVOT).any(), "who searches for what is like an item stays with it"
    shares = np.bincount(intents.move[np.arange(len(first)) % 6 == 1], minlength=5)[1:] / 3_000
    assert shares == pytest.approx(CHAIN[0], abs=0.04)


def test_a_shopper_looks_as_far_as_the_cascade_leads_her(tmp_path: Path) -> None:
    """Without any reason to click one item rather than another, clicks fall with the rank as examination does."""
    none = dict.fromkeys(("text_signal", "visual_signal", "user_signal", "item_signal", "position_signal"), 0)
    corpus = made(tmp_path / "corpus", "beauty", world=1, cascade=0.8, sessions=1500, downstream=1500, **none)
    columns = corpus.columns
    single = np.add.reduceat(columns.impression_clicked, columns.query_impressions[:-1]) == 1
    rank = columns.impression_rank[columns.impression_clicked & np.repeat(single, 40)]
    clicks = np.bincount(rank, minlength=41)[1:] / len(rank)
    depth = np.arange(1, 41)
    reached = 0.8 ** (depth - 1) * np.where(
        depth < 40, 0.2, 1.0
    )  # the probability that she stops there, at the end at 40
    expected = (reached / depth)[::-1].cumsum()[::-1]  # a click is anywhere among those she saw
    assert clicks[:10] == pytest.approx(expected[:10], abs=0.025)


def test_leaves_of_a_branch_share_words_and_others_do_not(tmp_path: Path) -> None:
    corpus = made(tmp_path / "corpus", "beauty", world=1, branches=0.7, sessions=3000)
    words = corpus.strings("vocabulary", "word").to_pylist()
    assert sum("branch" in word for word in words) == 7 * 84, "of 28 leaves"
    columns, leaves = corpus.columns, len(corpus.categories)
    leaf = np.array([int(name[-2:]) for name in corpus.categories])[columns.item_category]
    used = np.zeros((leaves, len(words)), dtype=bool)
    used[np.repeat(leaf, np.diff(columns.item_word_offsets)), columns.item_words] = True
    of_branch = np.array(["branch" in word for word in words])
    overlap = (used[:, of_branch].astype(int) @ used[:, of_branch].T.astype(int)) > 0
    assert np.array_equal(overlap, np.arange(leaves)[:, None] % 7 == np.arange(leaves) % 7)


def test_the_null_world_has_no_oracle(tmp_path: Path) -> None:
    """Nothing in the default world is a reason to click once the signals and the cascade are off."""
    none = dict.fromkeys(
        ("text_signal", "visual_signal", "user_signal", "item_signal", "position_signal", "cascade"), 0
    )
    assert np.ptp(read_truth(made(tmp_path / "corpus", **none)).utilities) == 0
