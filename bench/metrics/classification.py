"""Metrics of a classifier over a whole sample, for one weight per user or for all draws of a bootstrap at once.

None of them is a mean over units, so the difference of two systems is tested by weighting users
(:mod:`bench.stats.pooled`); a cell's own number is the same function with every weight at 1. Averages over classes are
plain means over the classes that occur among labels or predictions, as scikit-learn's ``average="macro"`` with
``zero_division=0`` (for AUC: over the classes that some units have and others have not).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from bench.metrics.auc import auc_metric

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

ConfusionScore = Callable[[Floats], Floats]
"""Confusion matrices (..., C, C), truth by prediction, to a metric (...)."""

WeightedMetric = Callable[[Floats], Floats]
"""Weights (b, U) of users, whole numbers as floats, to the metric (b, S) of each seed; NaN where it isn't defined."""

PROBABILITY = "p:"
"""Prefix of the columns of predictions that hold a class's probabilities, in the order of the classes' codes."""

_BLOCK = 4_000_000  # counts held at a time


def classification_metrics(labels: Codes, predicted: Codes, probabilities: Floats) -> dict[str, float]:
    """AUC, average accuracy per class, and macro-averaged precision, recall and F1.

    Args:
        labels: (n,) codes 0 … C - 1.
        predicted: (n,) codes.
        probabilities: (n, C) of each class, or any scores that order the units by it; NaN counts as the lowest.

    Returns:
        ``auc``, ``f1``, ``acc``, ``precision``, ``recall``; NaN where nothing is defined: all without any unit, AUC
        where all units are of one class.
    """
    user, once = np.zeros(len(labels), dtype=np.int64), np.ones((1, 1))
    metrics = {
        name: weighted_metric(name, labels, predicted[None], probabilities[None], user) for name in ("auc", *_SCORES)
    }
    return {name: float(metric(once)[0, 0]) for name, metric in metrics.items() if metric is not None}


def metrics_of_predictions(predictions: pd.DataFrame) -> dict[str, float]:
    """The same from a cell's predictions: columns ``label``, ``predicted`` (codes), and ``p:NAME`` of every class."""
    columns = [name for name in predictions.columns if name.startswith(PROBABILITY)]
    labels, predicted = predictions["label"].to_numpy(np.int64), predictions["predicted"].to_numpy(np.int64)
    return classification_metrics(labels, predicted, predictions[columns].to_numpy(np.float64))


def weighted_metric(
    name: str, labels: Codes, predicted: Codes, probabilities: Floats, user: Codes
) -> WeightedMetric | None:
    """The metric of this name as a function of the users' weights; None for one that can't be had from predictions.

    Args:
        name: ``auc``, ``f1``, ``acc``, ``precision`` or ``recall``.
        labels: (n,) codes 0 … C - 1.
        predicted: (S, n) codes, for each seed.
        probabilities: (S, n, C) of each class.
        user: (n,) code 0 … U - 1 of each unit's user.
    """
    classes = probabilities.shape[2]
    if name == "auc":
        return auc_metric(labels[:, None] == np.arange(classes), probabilities, user)
    score = _SCORES.get(name)
    return None if score is None else confusion_metric(labels, predicted, user, classes, score)


def confusion_metric(
    labels: Codes, predicted: Codes, user: Codes, classes: int, score: ConfusionScore
) -> WeightedMetric:
    """A function of confusion matrices as a function of the users' weights.

    Args:
        labels: (n,) class of each unit, 0 … C - 1.
        predicted: (S, n) for each seed.
        user: (n,) code 0 … U - 1 of each unit's user.
        classes: C.
        score: one of this module's, or another function of confusion matrices.
    """
    seeds, users = len(predicted), int(user.max(initial=0)) + 1
    entry = (np.arange(seeds)[:, None] * classes + labels) * classes + predicted  # (S, n)
    width = seeds * classes * classes
    counts = sparse.csr_array(
        (np.ones(entry.size), (entry.ravel(), np.tile(user, seeds))), shape=(width, users)
    )  # what a user adds to each entry of each seed's matrix

    def weighted(weights: Floats) -> Floats:
        size = max(1, _BLOCK // width)
        blocks = [weights[start : start + size] for start in range(0, len(weights), size)]
        return np.concatenate(
            [score((counts @ np.ascontiguousarray(w.T)).T.reshape(len(w), seeds, classes, classes)) for w in blocks]
        )

    return weighted


def macro_precision(confusion: Floats) -> Floats:
    """Mean precision of the classes; 0 for a class never predicted, and none for one neither true nor predicted."""
    return _macro(_ratio(_hits(confusion), confusion.sum(-2), 0.0), confusion)


def macro_recall(confusion: Floats) -> Floats:
    """Mean recall of the classes; 0 for a class predicted but never true."""
    return _macro(_ratio(_hits(confusion), confusion.sum(-1), 0.0), confusion)


def macro_f1(confusion: Floats) -> Floats:
    """Mean over classes of 2 TP / (2 TP + FP + FN)."""
    return _macro(_ratio(2 * _hits(confusion), confusion.sum(-2) + confusion.sum(-1), 0.0), confusion)


def class_accuracy(confusion: Floats) -> Floats:
    """Mean over classes of the accuracy of "this class or another", Table 4's Acc.

    It is what "average Accuracy per class" says (Sokolova & Lapalme, A systematic analysis of performance measures for
    classification tasks, 2009). It isn't the share of units classified correctly, and above it with more than two
    classes.
    """
    wrong = confusion.sum(-2) + confusion.sum(-1) - 2 * _hits(confusion)
    return _macro(1 - _ratio(wrong, confusion.sum((-2, -1))[..., None], 0.0), confusion)


_SCORES: dict[str, ConfusionScore] = {
    "f1": macro_f1,
    "acc": class_accuracy,
    "precision": macro_precision,
    "recall": macro_recall,
}


def _hits(confusion: Floats) -> Floats:
    return np.diagonal(confusion, axis1=-2, axis2=-1)


def _macro(of_class: Floats, confusion: Floats) -> Floats:
    """The mean over classes that are true or predicted somewhere, as in scikit-learn."""
    seen = confusion.sum(-2) + confusion.sum(-1) > 0
    return _ratio((of_class * seen).sum(-1), seen.sum(-1), np.nan)


def _ratio(top: Floats, bottom: NDArray[np.float64 | np.int64], otherwise: float) -> Floats:
    """``top / bottom``, and ``otherwise`` where the denominator is 0; the numerator may have an axis of length 1."""
    ratio = np.full(np.broadcast_shapes(np.shape(top), np.shape(bottom)), otherwise)
    np.divide(top, bottom, out=ratio, where=np.asarray(bottom) > 0)
    return ratio
