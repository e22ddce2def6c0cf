"""Area under the ROC curve, for one weight per user or for all draws of a bootstrap at once: scores are sorted once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SortedUnits = tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.bool_]]
"""Per unit (n,), from the lowest score to the highest: its user, whether it is positive, whether it opens a tie."""

_DRAWS = 64  # at a time: a user's weights fill a few cache lines, and all users' weights stay near the processor


def auc_metric(positive: NDArray[np.bool_], scores: Floats, user: NDArray[np.int64]) -> Callable[[Floats], Floats]:
    """Macro AUC, each class against the rest, as a function of the users' weights.

    It is the chance that a unit of the class is scored above one that is not, a tie counting half. A class that is true
    everywhere or nowhere is left out of the mean; without any other the AUC is NaN.

    Args:
        positive: (n, C) bool, whether a unit is of the class; one column for two classes.
        scores: (S, n, C) of each seed, higher is more likely of the class; NaN counts as the lowest.
        user: (n,) code 0 … U - 1 of each unit's user.

    Returns:
        a function of weights (b, U), whole numbers as floats, to the AUC (b, S).
    """
    scores = np.where(np.isnan(scores), -np.inf, scores)
    seeds, _, classes = scores.shape
    lists = [[_sorted(scores[seed, :, c], positive[:, c], user) for c in range(classes)] for seed in range(seeds)]

    def weighted(weights: Floats) -> Floats:
        blocks = [np.ascontiguousarray(weights[i : i + _DRAWS].T) for i in range(0, len(weights), _DRAWS)]  # (U, b)
        areas = np.array(
            [[np.concatenate([_kernel()(block, *one) for block in blocks]) for one in of_seed] for of_seed in lists]
        )  # (S, C, b)
        defined = np.isfinite(areas)
        total, number = np.where(defined, areas, 0.0).sum(1), defined.sum(1)  # (S, b)
        mean = np.full(total.shape, np.nan)
        np.divide(total, number, out=mean, where=number > 0)
        return mean.T

    return weighted


def _sorted(score: Floats, positive: NDArray[np.bool_], user: NDArray[np.int64]) -> _SortedUnits:
    """The units of one seed and class in ascending order of their scores."""
    order = np.argsort(score, kind="stable")
    ascending = score[order]
    opens_tie = np.ones(len(ascending), dtype=np.bool_)
    opens_tie[1:] = ascending[1:] != ascending[:-1]
    return user[order].astype(np.int32), np.ascontiguousarray(positive[order], dtype=np.bool_), opens_tie


@cache
def _kernel() -> Callable[[Floats, NDArray[np.int32], NDArray[np.bool_], NDArray[np.bool_]], Floats]:
    """:func:`_areas`, compiled when first used, as importing numba takes longer than most commands."""
    import numba

    compiled: Callable[[Floats, NDArray[np.int32], NDArray[np.bool_], NDArray[np.bool_]], Floats]
    compiled = numba.njit(cache=True)(_areas)
    return compiled


def _areas(
    weights: Floats, user: NDArray[np.int32], positive: NDArray[np.bool_], opens_tie: NDArray[np.bool_]
) -> Floats:
    """(b,) areas under weights (U, b): the weight of pairs in the right order, over that of all pairs.

    Draws are the inner loop, since what is done to one is done to all.
    """
    draws = weights.shape[1]
    right, below, above = np.zeros(draws), np.zeros(draws), np.zeros(draws)  # below: negatives; above: positives
    tied_below, tied_above = np.zeros(draws), np.zeros(draws)
    start = 0
    while start < len(user):
        stop = start + 1
        while stop < len(user) and not opens_tie[stop]:
            stop += 1
        if stop == start + 1:  # no tie
            row = weights[user[start]]
            if positive[start]:
                for d in range(draws):
                    right[d] += row[d] * below[d]
                    above[d] += row[d]
            else:
                for d in range(draws):
                    below[d] += row[d]
        else:
            tied_below[:] = 0.0
            tied_above[:] = 0.0
            for i in range(start, stop):
                row = weights[user[i]]
                side = tied_above if positive[i] else tied_below
                for d in range(draws):
                    side[d] += row[d]
            for d in range(draws):
                right[d] += tied_above[d] * (below[d] + 0.5 * tied_below[d])
                below[d] += tied_below[d]
                above[d] += tied_above[d]
        start = stop
    areas = np.full(draws, np.nan)
    for d in range(draws):
        if below[d] * above[d] > 0:
            areas[d] = right[d] / (below[d] * above[d])
    return areas
