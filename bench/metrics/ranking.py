"""Ranking metrics per query, with one rule for ties: the expectation over all orders of tied candidates.

A constant scorer therefore gets what a random ranking gets on average, never 1.0. NaN counts as the worst score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TiedTop:
    """The first k ranks of Q queries, as ties: all that a metric at k depends on, however many candidates there are.

    Attributes:
        best: (Q, k) the best rank, from 1, of the tie that holds each rank.
        size: (Q, k) candidates in that tie, those below rank k among them; 1 where there is no candidate.
        hits: (Q, k) how many of them are relevant.
        relevant: (Q,) relevant candidates of the query, at any rank.
    """

    best: NDArray[np.int64]
    size: NDArray[np.int64]
    hits: NDArray[np.int64]
    relevant: NDArray[np.int64]

    @classmethod
    def stacked(cls, parts: Sequence[TiedTop]) -> TiedTop:
        """The queries of several of them, one after the other."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def metrics(self) -> dict[str, Floats]:
        """``{"ndcg@k": (Q,), "hr@k": (Q,), "mrr@k": (Q,)}``; 0 for a query without relevant candidates."""
        k = self.best.shape[1]
        return {f"ndcg@{k}": ndcg(self), f"hr@{k}": hit_ratio(self), f"mrr@{k}": reciprocal_rank(self)}

    def cut(self, k: int) -> TiedTop:
        """The first k ranks of them; ranks beyond these are held by no candidate."""
        return _filled_up(TiedTop(self.best[:, :k], self.size[:, :k], self.hits[:, :k], self.relevant), k)


def ranking_metrics(
    scores: NDArray[np.floating[Any]], relevant: NDArray[np.bool_], shown: NDArray[np.bool_], k: int = 10
) -> dict[str, Floats]:
    """NDCG@k with binary gains, HR@k (any relevant candidate in the top k) and MRR@k of each query.

    Args:
        scores: (Q, K) higher is better.
        relevant: (Q, K) bool.
        shown: (Q, K) bool, false where a row is filled up.
        k: cut-off.

    Returns:
        ``{"ndcg@k": (Q,), "hr@k": (Q,), "mrr@k": (Q,)}``; 0 for a query without relevant candidates.
    """
    parts = [slice(start, start + _QUERIES) for start in range(0, max(len(scores), 1), _QUERIES)]
    return TiedTop.stacked([tied_top(scores[part], relevant[part], shown[part], k) for part in parts]).metrics()


_QUERIES = 1 << 14  # ranked at a time: what a sort needs beside the scores is many times as large


def tied_top(
    scores: NDArray[np.floating[Any]], relevant: NDArray[np.bool_], shown: NDArray[np.bool_], k: int
) -> TiedTop:
    """The top k of each query. A candidate that is not shown comes last, is tied with none, and is not relevant."""
    scores = np.where(np.isnan(scores), -np.inf, scores).astype(np.float64)
    order = np.lexsort((-scores, ~shown), axis=1)
    scores, shown = np.take_along_axis(scores, order, 1), np.take_along_axis(shown, order, 1)
    relevant = np.take_along_axis(np.asarray(relevant, dtype=bool), order, 1) & shown
    queries, width = scores.shape
    ranks = np.broadcast_to(np.arange(1, width + 1), scores.shape)
    starts = np.ones((queries, width), dtype=bool)
    starts[:, 1:] = (scores[:, 1:] != scores[:, :-1]) | ~shown[:, 1:]
    best = np.maximum.accumulate(np.where(starts, ranks, 0), axis=1)
    ends = np.ones((queries, width), dtype=bool)
    ends[:, :-1] = starts[:, 1:]
    last = np.minimum.accumulate(np.where(ends, ranks, width + 1)[:, ::-1], axis=1)[:, ::-1]
    above = np.zeros((queries, width + 1), dtype=np.int64)  # relevant candidates down to each rank
    np.cumsum(relevant, axis=1, out=above[:, 1:])
    hits = np.take_along_axis(above, last, 1) - np.take_along_axis(above, best - 1, 1)
    return _filled_up(TiedTop(best[:, :k], (last - best + 1)[:, :k], hits[:, :k], above[:, -1]), k)


def _filled_up(top: TiedTop, k: int) -> TiedTop:
    """``top`` with k ranks where there were fewer candidates; no candidate holds the ranks that are added."""
    queries, width = top.best.shape
    if width == k:
        return top
    nothing = np.broadcast_to(np.arange(width + 1, k + 1), (queries, k - width))
    return TiedTop(
        np.concatenate([top.best, nothing], axis=1),
        np.concatenate([top.size, np.ones_like(nothing)], axis=1),
        np.concatenate([top.hits, np.zeros_like(nothing)], axis=1),
        top.relevant,
    )


def ndcg(top: TiedTop) -> Floats:
    """Expected NDCG: a relevant candidate holds a rank with the share of relevant ones in that rank's tie."""
    return expected_ndcg(top.hits / top.size, top.relevant, top.best.shape[1])


def expected_ndcg(chances: Floats, relevant: NDArray[np.int64], k: int) -> Floats:
    """(Q,) NDCG@k from the chance that a relevant candidate holds each rank (Q, at most k), and their number (Q,)."""
    discount = 1 / np.log2(np.arange(2, k + 2))
    gain = (discount[: chances.shape[1]] * chances).sum(1)
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(relevant, k)]
    found = np.zeros(len(gain))
    np.divide(gain, ideal, out=found, where=ideal > 0)
    return found


def hit_ratio(top: TiedTop) -> Floats:
    """Expected hit ratio: 1 where a tie within the top k has a relevant candidate.

    Elsewhere it is the chance that a relevant one of the tie that holds rank k gets one of the ranks left to that tie.
    """
    k = top.best.shape[1]
    whole = top.best + top.size - 1 <= k
    above = ((top.hits > 0) & whole).any(1)
    best, size, hits = top.best[:, -1], top.size[:, -1], top.hits[:, -1]  # the tie that holds rank k
    left = k - best + 1
    miss = np.exp(log_choose(size - hits, left) - log_choose(size, left))
    return np.where(above, 1.0, 1.0 - miss)


def reciprocal_rank(top: TiedTop) -> Floats:
    """Expected reciprocal rank of the first relevant candidate, which stands in the first tie that has one."""
    queries, k = top.best.shape
    leading = (np.arange(queries), (top.hits > 0).argmax(1))  # rank 1 where no tie has one: its hits are 0
    best, size, hits = top.best[leading], top.size[leading], top.hits[leading]
    found = np.where((hits > 0) & (best <= k), 1 / best, 0.0)  # of a candidate that is tied with no other
    tied = np.flatnonzero(size > 1)
    best, size, hits, total = best[tied], size[tied], hits[tied], np.zeros(len(tied))
    for before in range(k if len(tied) else 0):  # candidates of the tie that stand before its first relevant one
        rank = best + before
        possible = (hits > 0) & (before + hits <= size) & (rank <= k)
        chance = np.exp(log_choose(size - 1 - before, hits - 1) - log_choose(size, hits))
        total += np.where(possible, chance / rank, 0.0)
    found[tied] = total
    return found


def log_choose(n: NDArray[np.int64], k: NDArray[np.int64]) -> Floats:
    """Logarithm of the binomial coefficient "n over k", minus infinity where that is 0."""
    inside = (k >= 0) & (k <= n)
    n, k = np.where(inside, n, 0), np.where(inside, k, 0)
    return np.where(inside, gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1), -np.inf)
