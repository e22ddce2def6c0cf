"""Metrics of classes from confusion matrices, one by one or for all draws of a bootstrap at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bench.stats.pigeonhole import WeightedMetric
from bench.stats.users import Users

ConfusionScore = Callable[[NDArray], NDArray]
"""Confusion matrices (..., C, C), truth by prediction, to a metric (...)."""

_BLOCK = 4_000_000  # counts held at a time


def confusion_metric(
    truth: NDArray, predicted: NDArray, users: Users, classes: int, score: ConfusionScore
) -> WeightedMetric:
    """A pooled metric for :func:`bench.stats.pigeonhole.pooled_difference`.

    Args:
        truth: (Q,) class of each example, 0 … C - 1.
        predicted: (S, Q) for each seed.
        users: of the examples.
        classes: C.
        score: one of this module's, or another function of confusion matrices.
    """
    seeds = len(predicted)
    cell = (np.arange(seeds)[:, None] * classes + truth) * classes + predicted  # (S, Q)
    width = seeds * classes * classes
    counts = sparse.csr_array(
        (np.ones(cell.size), (cell.ravel(), np.tile(users.code, seeds))), shape=(width, len(users))
    )  # what a user adds to each cell of each seed's matrix

    def weighted(weights: NDArray) -> NDArray:
        size = max(1, _BLOCK // width)
        blocks = [weights[start : start + size] for start in range(0, len(weights), size)]
        return np.concatenate(
            [score((counts @ np.ascontiguousarray(w.T)).T.reshape(len(w), seeds, classes, classes)) for w in blocks]
        )

    return weighted


def accuracy(confusion: NDArray) -> NDArray:
    """Share of examples with the right class."""
    return _ratio(_hits(confusion).sum(-1), confusion.sum((-2, -1)), np.nan)


def macro_precision(confusion: NDArray) -> NDArray:
    """Mean over classes; 0 for a class never predicted, and none for one that is neither true nor predicted."""
    return _macro(_ratio(_hits(confusion), confusion.sum(-2), 0.0), confusion)


def macro_recall(confusion: NDArray) -> NDArray:
    """Mean over classes; 0 for a class predicted but never true."""
    return _macro(_ratio(_hits(confusion), confusion.sum(-1), 0.0), confusion)


def macro_f1(confusion: NDArray) -> NDArray:
    """Mean over classes of 2 TP / (2 TP + FP + FN)."""
    return _macro(_ratio(2 * _hits(confusion), confusion.sum(-2) + confusion.sum(-1), 0.0), confusion)


def class_accuracy(confusion: NDArray) -> NDArray:
    """Mean over classes of the accuracy of "this class or another"; see :mod:`bench.metrics.classification`."""
    wrong = confusion.sum(-2) + confusion.sum(-1) - 2 * _hits(confusion)
    return _macro(1 - _ratio(wrong, confusion.sum((-2, -1))[..., None], 0.0), confusion)


def balanced_accuracy(confusion: NDArray) -> NDArray:
    """Mean over true classes of the share of their examples that are right."""
    support = confusion.sum(-1)
    return _ratio(_ratio(_hits(confusion), support, 0.0).sum(-1), (support > 0).sum(-1), np.nan)


def _hits(confusion: NDArray) -> NDArray:
    return np.diagonal(confusion, axis1=-2, axis2=-1)


def _macro(of_class: NDArray, confusion: NDArray) -> NDArray:
    """The mean over classes that are true or predicted somewhere, as in scikit-learn."""
    seen = confusion.sum(-2) + confusion.sum(-1) > 0
    return _ratio((of_class * seen).sum(-1), seen.sum(-1), np.nan)


def _ratio(top: NDArray, bottom: NDArray, otherwise: float) -> NDArray:
    top, bottom = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
    return np.divide(top, bottom, out=np.full(top.shape, otherwise), where=bottom > 0)
