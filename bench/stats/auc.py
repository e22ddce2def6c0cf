"""Area under the ROC curve with weighted users: for all draws of a bootstrap, sorted once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.stats.pigeonhole import WeightedMetric
from bench.stats.users import Users

_DRAWS = 64  # at a time: a user's weights fill a few cache lines, and all users' weights stay near the processor


def auc_metric(positive: NDArray, scores: NDArray, users: Users) -> WeightedMetric:
    """Macro AUC, each class against the rest, for :func:`bench.stats.pigeonhole.pooled_difference`.

    A tie of a positive with a negative counts half. A class that is true everywhere or nowhere is left out of the mean.

    Args:
        positive: (Q, C) bool, whether an example is of the class; one column for two classes.
        scores: (S, Q, C) higher is more likely of the class.
        users: of the examples.
    """
    seeds, _, classes = scores.shape
    lists = [[_sorted(scores[seed, :, c], positive[:, c], users.code) for c in range(classes)] for seed in range(seeds)]

    def weighted(weights: NDArray) -> NDArray:
        blocks = [np.ascontiguousarray(weights[i : i + _DRAWS].T) for i in range(0, len(weights), _DRAWS)]  # (U, b)
        areas = np.array(
            [[np.concatenate([_kernel()(block, *one) for block in blocks]) for one in of_seed] for of_seed in lists]
        )  # (S, C, b)
        defined = np.isfinite(areas)
        total, number = np.where(defined, areas, 0.0).sum(1), defined.sum(1)  # (S, b)
        return np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0).T

    return weighted


def _sorted(score: NDArray, positive: NDArray, user: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Users, truths and first-of-a-tie flags (Q,) of the examples from the lowest score to the highest."""
    order = np.argsort(score, kind="stable")
    ascending = score[order]
    first = np.concatenate([[True], ascending[1:] != ascending[:-1]])
    return user[order].astype(np.int32), np.ascontiguousarray(positive[order], dtype=np.bool_), first


@cache
def _kernel() -> Callable[..., Any]:
    """Compiled when first used, as importing numba takes longer than most tests."""
    import numba

    compiled: Callable[..., Any] = numba.njit(cache=True)(_areas)
    return compiled


def _areas(weights: NDArray, user: NDArray, positive: NDArray, first: NDArray) -> NDArray:
    """(b,) areas under weights (U, b): the weight of pairs in the right order, over that of all pairs.

    Draws are the inner loop, since what is done to one is done to all.
    """
    draws = weights.shape[1]
    right, below, above = np.zeros(draws), np.zeros(draws), np.zeros(draws)  # below: negatives; above: positives
    tied_below, tied_above = np.zeros(draws), np.zeros(draws)
    start = 0
    while start < len(user):
        stop = start + 1
        while stop < len(user) and not first[stop]:
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
