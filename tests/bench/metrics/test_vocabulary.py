"""The top words of a vocabulary, without sorting it: the same numbers as sorting it, under the one rule for ties."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from bench.metrics.ranking import TiedTop, ranking_metrics
from bench.metrics.vocabulary import TopWords, mean_vectors, top_words


def ranked(scores: NDArray, relevant: NDArray, vectors: NDArray | None = None, k: int = 10) -> TopWords:
    scores, relevant = np.atleast_2d(scores), np.atleast_2d(relevant)
    owner, words = np.nonzero(relevant)
    vectors = np.random.default_rng(0).normal(size=(scores.shape[1], 3)) if vectors is None else vectors
    return top_words(
        *(torch.from_numpy(a) for a in (scores.astype(np.float32), words, owner)), torch.from_numpy(vectors), k
    )


def sorted_whole(scores: NDArray, relevant: NDArray, k: int = 10) -> NDArray:
    shown = np.ones(np.atleast_2d(scores).shape, dtype=bool)
    return np.stack(list(ranking_metrics(np.atleast_2d(scores), np.atleast_2d(relevant), shown, k).values()))


@pytest.mark.parametrize("levels", [1, 2, 5, 40, 10_000])
@pytest.mark.parametrize("words", [1, 4, 10, 11, 60, 700])
def test_metrics_are_those_of_sorting_the_whole_vocabulary(levels: int, words: int) -> None:
    rng = np.random.default_rng([levels, words])
    scores = rng.integers(0, levels, (120, words)).astype(float)
    relevant = rng.random((120, words)) < rng.choice([0.0, 0.02, 0.3], (120, 1))
    for k in (1, 3, 10):
        found = np.stack(list(ranked(scores, relevant, k=k).ties.metrics().values()))
        np.testing.assert_allclose(found, sorted_whole(scores, relevant, k), atol=1e-12)


def test_a_constant_scorer_gets_what_drawing_words_gets_on_average() -> None:
    """Ten of V words at random, three of them right: hypergeometric."""
    words = 5000
    relevant = np.isin(np.arange(words), [7, 800, 4999])
    ndcg, hit, reciprocal = (float(v[0]) for v in ranked(np.zeros(words), relevant).ties.metrics().values())
    assert hit == pytest.approx(1 - np.prod([(words - 3 - i) / (words - i) for i in range(10)]), rel=1e-9)
    discount = 1 / np.log2(np.arange(2, 12))
    assert ndcg == pytest.approx(3 / words * discount.sum() / discount[:3].sum())
    first = [np.prod([(words - 3 - i) / (words - i) for i in range(r)]) * 3 / (words - r) for r in range(10)]
    assert reciprocal == pytest.approx(np.sum(np.array(first) / np.arange(1, 11)), rel=1e-6)


def test_nan_is_worst_and_infinities_are_scores() -> None:
    rng = np.random.default_rng(2)
    scores = rng.choice([np.nan, -np.inf, np.inf, 0.0, 1.0], (200, 30))
    relevant = rng.random((200, 30)) < 0.1
    top = ranked(scores, relevant)
    np.testing.assert_allclose(np.stack(list(top.ties.metrics().values())), sorted_whole(scores, relevant), atol=1e-12)
    assert not np.isnan(top.scores).any()
    assert top.mean_vector.isfinite().all()
    for constant in (np.nan, np.inf, -np.inf):
        alike = ranked(np.full(30, constant), relevant[:1])
        assert alike.words[0].tolist() == list(range(10))


def test_batches_and_the_order_of_words_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    scores, relevant = rng.integers(0, 6, (40, 50)).astype(float), rng.random((40, 50)) < 0.1
    vectors = rng.normal(size=(50, 4))
    whole = ranked(scores, relevant, vectors)
    alone = [ranked(scores[u], relevant[u], vectors) for u in range(40)]
    for name, values in whole.ties.metrics().items():
        assert values.tolist() == [one.ties.metrics()[name][0] for one in alone]
    assert whole.words.tolist() == [one.words[0].tolist() for one in alone]

    order = rng.permutation(50)
    moved = ranked(scores[:, order], relevant[:, order], vectors[order])
    for name, values in whole.ties.metrics().items():
        np.testing.assert_allclose(moved.ties.metrics()[name], values, atol=1e-12)
    torch.testing.assert_close(moved.mean_vector, whole.mean_vector)


def test_the_words_are_the_best_with_ties_in_the_order_of_their_rows() -> None:
    rng = np.random.default_rng(4)
    for width in (5, 10, 80):
        scores = rng.integers(0, 7, (60, width)).astype(float)
        top = ranked(scores, np.zeros_like(scores, dtype=bool))
        expected = np.argsort(-scores, axis=1, kind="stable")[:, :10]
        assert top.words[:, : expected.shape[1]].tolist() == expected.tolist()
        assert (top.words[:, expected.shape[1] :] == -1).all()
        found = np.take_along_axis(scores, expected, 1)
        np.testing.assert_array_equal(top.scores[:, : expected.shape[1]], found)


def test_the_mean_vector_is_the_mean_over_all_orders_of_tied_words() -> None:
    scores, vectors = np.array([2.0, 1.0, 1.0, 3.0, 1.0, 0.0]), np.random.default_rng(5).normal(size=(6, 4))
    for k in (1, 2, 3, 4, 5, 6):
        allowed = [
            vectors[list(order[:k])].mean(0)
            for order in itertools.permutations(range(6))
            if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order))
        ]
        found = ranked(scores, np.zeros(6, dtype=bool), vectors, k).mean_vector[0]
        np.testing.assert_allclose(found.numpy(), np.mean(allowed, axis=0), atol=1e-12)


def test_mean_vectors_of_words_and_none() -> None:
    vectors = torch.arange(8.0).view(4, 2)
    found = mean_vectors(torch.tensor([0, 3, 1]), torch.tensor([0, 0, 2]), 3, vectors)
    assert found.tolist() == [[3.0, 4.0], [0.0, 0.0], [2.0, 3.0]]


def test_batches_together_have_the_metrics_of_one() -> None:
    rng = np.random.default_rng(5)
    scores, relevant = rng.integers(0, 5, (40, 30)).astype(float), rng.random((40, 30)) < 0.1
    parts = [ranked(scores[rows], relevant[rows]).ties for rows in (slice(0, 7), slice(7, 8), slice(8, 40))]
    together, whole = TiedTop.stacked(parts).metrics(), ranked(scores, relevant).ties.metrics()
    for name, values in whole.items():
        np.testing.assert_array_equal(together[name], values, err_msg=name)
