"""Ranking metrics against the mean over all orders of tied candidates, found by trying them, and scikit-learn."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import ndcg_score

from bench.metrics import ranking
from bench.metrics.ranking import ranking_metrics


def of_one_order(relevant: list[bool], k: int) -> tuple[float, float, float]:
    """NDCG, HR and MRR at k of one ranked list, from their definitions."""
    gain = sum(1 / np.log2(rank + 1) for rank, r in enumerate(relevant, 1) if r and rank <= k)
    ideal = sum(1 / np.log2(rank + 1) for rank in range(1, min(sum(relevant), k) + 1))
    ranks = [rank for rank, r in enumerate(relevant, 1) if r and rank <= k]
    return gain / ideal if ideal else 0.0, float(bool(ranks)), 1 / ranks[0] if ranks else 0.0


def over_all_orders(scores: list[float], relevant: list[bool], k: int) -> NDArray:
    """Mean over every order of the candidates that the scores allow."""
    allowed = [
        of_one_order([relevant[i] for i in order], k)
        for order in itertools.permutations(range(len(scores)))
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order))
    ]
    return np.mean(allowed, axis=0)


def measured(scores: NDArray, relevant: NDArray, shown: NDArray | None = None, k: int = 10) -> NDArray:
    """(3, Q)"""
    scores, relevant = np.atleast_2d(scores), np.atleast_2d(relevant)
    shown = np.ones(scores.shape, dtype=bool) if shown is None else np.atleast_2d(shown)
    found = ranking_metrics(scores, relevant, shown, k)
    assert list(found) == [f"ndcg@{k}", f"hr@{k}", f"mrr@{k}"]
    return np.stack(list(found.values()))


@pytest.mark.parametrize("width", [3, 10, 11, 30])
def test_ndcg_without_ties_is_that_of_scikit_learn(width: int) -> None:
    rng = np.random.default_rng(width)
    scores = np.argsort(rng.random((200, width)), axis=1).astype(float)
    relevant = rng.random((200, width)) < 0.3
    relevant[:, 0] = True
    expected = [ndcg_score([r], [s], k=10) for r, s in zip(relevant, scores, strict=True)]
    np.testing.assert_allclose(measured(scores, relevant)[0], expected, rtol=1e-12)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6),
    st.integers(1, 7),
    st.integers(0, 3),
)
def test_ties_are_the_mean_over_all_their_orders(candidates: list[tuple[int, bool]], k: int, filled: int) -> None:
    scores, relevant = [float(s) for s, _ in candidates], [r for _, r in candidates]
    shown = np.array([True] * len(scores) + [False] * filled)
    found = measured(np.array(scores + [2.0] * filled), np.array(relevant + [True] * filled), shown, k)[:, 0]
    np.testing.assert_allclose(found, over_all_orders(scores, relevant, k), atol=1e-12)


def test_a_constant_scorer_gets_what_random_rankings_get_on_average() -> None:
    rng = np.random.default_rng(0)
    relevant = np.arange(24) < 3
    constant = measured(np.zeros(24), relevant)[:, 0]
    random = measured(rng.random((40_000, 24)), np.broadcast_to(relevant, (40_000, 24)))
    error = random.std(1) / 200
    assert (np.abs(constant - random.mean(1)) < 4 * error).all()
    hit = 1 - np.prod([(21 - i) / (24 - i) for i in range(10)])  # no relevant one among ten drawn
    assert constant[1] == pytest.approx(hit)
    assert (constant < 0.9).all()


def test_order_of_candidates_filling_and_batch_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 4, (50, 15)).astype(float)
    relevant, shown = rng.random((50, 15)) < 0.3, rng.random((50, 15)) < 0.8
    expected = measured(scores, relevant, shown)
    order = rng.permuted(np.tile(np.arange(15), (50, 1)), axis=1)
    found = measured(*(np.take_along_axis(a, order, 1) for a in (scores, relevant, shown)))
    np.testing.assert_allclose(found, expected, atol=1e-12)

    # whatever stands where nothing is shown
    for junk in (np.inf, -np.inf, np.nan, 1e9):
        spoilt = np.where(shown, scores, junk)
        np.testing.assert_allclose(measured(spoilt, relevant | ~shown, shown), expected, atol=1e-12)
    wider = [np.concatenate([a, np.zeros((50, 9), a.dtype)], axis=1) for a in (scores, relevant, shown)]
    np.testing.assert_allclose(measured(*wider), expected, atol=1e-12)
    alone = [measured(scores[q], relevant[q], shown[q]) for q in range(50)]
    np.testing.assert_allclose(np.concatenate(alone, axis=1), expected, atol=1e-12)


def test_nan_is_the_worst_score_and_infinities_are_scores() -> None:
    relevant = np.array([True, False, False])
    assert measured([np.nan, -1e9, 0.0], relevant, k=2)[:, 0].tolist() == [0, 0, 0]
    assert measured([np.inf, 1e300, np.nan], relevant)[:, 0].tolist() == [1, 1, 1]
    assert measured([-np.inf, 0, 1], relevant)[2, 0] == pytest.approx(1 / 3)
    for tied in ([np.inf] * 3, [-np.inf] * 3, [np.nan] * 3, [np.nan, -np.inf, np.nan]):
        np.testing.assert_allclose(measured(tied, relevant), measured([0.0, 0.0, 0.0], relevant))


def test_nothing_relevant_is_0_and_few_candidates_are_fine() -> None:
    assert not measured(np.arange(12.0), np.zeros(12, dtype=bool)).any()
    assert not measured(np.arange(3.0), np.ones(3, dtype=bool), np.zeros(3, dtype=bool)).any()
    assert measured([1.0], [True])[:, 0].tolist() == [1, 1, 1]
    assert measured([0.0, 1.0], [True, False])[:, 0] == pytest.approx([1 / np.log2(3), 1, 0.5])
    assert measured(np.zeros((0, 4)), np.zeros((0, 4), dtype=bool)).shape == (3, 0)


def test_large_ties_stay_exact() -> None:
    """A thousand tied candidates: no overflow in the binomials."""
    relevant = np.arange(1000) < 5
    ndcg, hit, reciprocal = measured(np.zeros(1000), relevant)[:, 0]
    assert hit == pytest.approx(1 - np.prod([(995 - i) / (1000 - i) for i in range(10)]), rel=1e-9)
    discounts = 1 / np.log2(np.arange(2, 12))
    assert ndcg == pytest.approx(5 / 1000 * discounts.sum() / discounts[:5].sum())
    assert 0 < reciprocal < hit


def test_queries_are_ranked_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    scores, relevant = rng.integers(0, 4, (23, 6)).astype(float), rng.random((23, 6)) < 0.3
    shown = rng.random((23, 6)) < 0.9
    whole = ranking_metrics(scores, relevant, shown)
    monkeypatch.setattr(ranking, "_QUERIES", 5)
    for name, values in ranking_metrics(scores, relevant, shown).items():
        np.testing.assert_array_equal(values, whole[name])
    assert ranking_metrics(scores[:0], relevant[:0], shown[:0])["ndcg@10"].shape == (0,)
