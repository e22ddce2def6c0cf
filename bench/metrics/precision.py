"""Precision, recall and average precision of rankings, each the expectation over all orders of tied candidates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.metrics.ranking import Floats, TiedTop


def expected_precision(chances: Floats, relevant: NDArray[np.int64], k: int) -> Floats:
    """P@k, (Q,): the relevant candidates among the first k, over k.

    Args:
        chances: (Q, at most k) that a relevant candidate holds each rank.
        relevant: (Q,) relevant candidates.
        k: cut-off.
    """
    found: Floats = chances.sum(1) / k
    return found


def expected_recall(chances: Floats, relevant: NDArray[np.int64], k: int) -> Floats:
    """R@k, (Q,): the share of a query's relevant candidates that are among the first k; NaN where it has none.

    The arguments are those of :func:`expected_precision`.
    """
    return over_relevant(chances.sum(1), relevant)


def average_precision(top: TiedTop) -> Floats:
    """AP@k, (Q,): the mean, over a query's relevant candidates, of the precision at their ranks; NaN where it has none.

    Those beyond rank k count 0. A candidate at place j of a tie of n candidates, h of them relevant, with A relevant
    ones above the tie, is relevant with probability h / n, and has then A + j (h - 1) / (n - 1) relevant ones above it
    on average (McSherry & Najork, ECIR 2008).
    """
    above, place = above_tie(top), place_in_tie(top)
    beside = place * (top.hits - 1) / np.maximum(top.size - 1, 1)  # (Q, k) others of the tie
    rank = np.arange(1, top.best.shape[1] + 1)
    return over_relevant((relevance(top) * (above + beside + 1) / rank).sum(1), top.relevant)


def relevance(top: TiedTop) -> Floats:
    """(Q, k) the chance that a relevant candidate holds each rank."""
    return top.hits / top.size


def place_in_tie(top: TiedTop) -> NDArray[np.int64]:
    """(Q, k) how many candidates of its own tie stand above each rank."""
    return np.arange(1, top.best.shape[1] + 1) - top.best


def above_tie(top: TiedTop) -> Floats:
    """(Q, k) relevant candidates above the tie that holds each rank."""
    until = np.zeros((len(top.best), top.best.shape[1] + 1))
    np.cumsum(relevance(top), axis=1, out=until[:, 1:])
    return np.take_along_axis(until, top.best - 1, axis=1)


def over_relevant(found: Floats, relevant: NDArray[np.int64]) -> Floats:
    """``found`` (Q,) over the number of relevant candidates; NaN where there is none."""
    ratio = np.full(len(found), np.nan)
    np.divide(found, relevant, out=ratio, where=relevant > 0)
    return ratio
