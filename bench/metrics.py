"""Ranking metrics per query, with one rule for ties: the expectation over all orders of tied candidates.

A constant scorer therefore gets what a random ranking gets on average, never 1.0. NaN counts as the worst score.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Floats = NDArray[np.float64]


def ranking_metrics(scores: NDArray, relevant: NDArray, shown: NDArray, k: int = 10) -> dict[str, Floats]:
    """NDCG@k with binary gains, HR@k (any relevant candidate in the top k) and MRR@k of each query.

    Args:
        scores: (Q, K) higher is better.
        relevant: (Q, K) bool.
        shown: (Q, K) bool, false where a row is filled up.
        k: cut-off.

    Returns:
        ``{"ndcg@k": (Q,), "hr@k": (Q,), "mrr@k": (Q,)}``; 0 for a query without relevant candidates.
    """
    first, last, relevant = _tied_ranks(scores, relevant, shown)
    return {
        f"ndcg@{k}": _ndcg(first, last, relevant, k),
        f"hr@{k}": _hit_ratio(first, last, relevant, k),
        f"mrr@{k}": _reciprocal_rank(first, last, relevant, k),
    }


def _tied_ranks(scores: NDArray, relevant: NDArray, shown: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Candidates in rank order: first and last rank (from 1) of the tie that each stands in, and whether it is
    relevant.

    Candidates that are not shown come last, tied with nothing, and are not relevant.
    """
    scores = np.where(np.isnan(scores), -np.inf, scores).astype(np.float64)
    order = np.lexsort((-scores, ~shown), axis=1)
    scores, shown = np.take_along_axis(scores, order, 1), np.take_along_axis(shown, order, 1)
    relevant = np.take_along_axis(np.asarray(relevant, dtype=bool), order, 1) & shown
    queries, width = scores.shape
    ranks = np.broadcast_to(np.arange(1, width + 1), scores.shape)
    starts = np.ones((queries, width), dtype=bool)
    starts[:, 1:] = (scores[:, 1:] != scores[:, :-1]) | ~shown[:, 1:]
    first = np.maximum.accumulate(np.where(starts, ranks, 0), axis=1)
    ends = np.ones((queries, width), dtype=bool)
    ends[:, :-1] = starts[:, 1:]
    last = np.minimum.accumulate(np.where(ends, ranks, width + 1)[:, ::-1], axis=1)[:, ::-1]
    return first, last, relevant


def _ndcg(first: NDArray, last: NDArray, relevant: NDArray, k: int) -> Floats:
    ranks = np.arange(1, first.shape[1] + 1)
    discounts = np.concatenate([[0.0], np.cumsum(np.where(ranks <= k, 1 / np.log2(ranks + 1), 0.0))])
    mean_discount = (discounts[last] - discounts[first - 1]) / (last - first + 1)
    gain = (mean_discount * relevant).sum(1)
    ideal = discounts[relevant.sum(1)]
    ndcg = np.zeros(len(gain))
    np.divide(gain, ideal, out=ndcg, where=ideal > 0)
    return ndcg


def _hit_ratio(first: NDArray, last: NDArray, relevant: NDArray, k: int) -> Floats:
    """1 with a relevant candidate above the tie at rank k; else the chance that one of the tie's gets a free place."""
    width = first.shape[1]
    above = (relevant & (last <= k)).any(1)
    if width <= k:
        return np.asarray(above, dtype=np.float64)
    start, end = first[:, k - 1], last[:, k - 1]  # the tie that holds rank k
    in_tie = first == start[:, None]
    size, hits, places = end - start + 1, (relevant & in_tie).sum(1), k - start + 1
    miss = np.exp(_log_choose(size - hits, places) - _log_choose(size, places))
    return np.where(above, 1.0, 1.0 - miss)


def _reciprocal_rank(first: NDArray, last: NDArray, relevant: NDArray, k: int) -> Floats:
    """Expected reciprocal rank of the first relevant candidate, which stands in the first tie that has one."""
    best = np.where(relevant, first, first.shape[1] + 1).min(1)  # (Q,) first rank of that tie
    in_tie = first == best[:, None]
    size, hits = in_tie.sum(1), (relevant & in_tie).sum(1)
    total = np.zeros(len(first))
    for place in range(k):  # place of the first relevant one within the tie
        rank = best + place
        possible = (hits > 0) & (place + hits <= size) & (rank <= k)
        chance = np.exp(_log_choose(size - 1 - place, hits - 1) - _log_choose(size, hits))
        total += np.where(possible, chance / rank, 0.0)
    return total


def _log_choose(n: NDArray, k: NDArray) -> Floats:
    """log of n over k, minus infinity where it is 0."""
    inside = (k >= 0) & (k <= n)
    n, k = np.where(inside, n, 0), np.where(inside, k, 0)
    return np.where(inside, gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1), -np.inf)
