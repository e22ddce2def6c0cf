"""Pooled metrics of classifiers, weighted by users, so that a bootstrap can test their differences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.evaluation.system import Classified
from bench.stats.auc import auc_metric
from bench.stats.confusion import ConfusionScore, confusion_metric, macro_f1, macro_precision, macro_recall
from bench.stats.pigeonhole import WeightedMetric
from bench.stats.users import Users


def accuracy_per_class(confusion: NDArray) -> NDArray:
    """Accuracy of "this class or another", mean over the classes that are true or predicted somewhere: Table 4's Acc.

    As ``acc`` of :func:`bench.metrics.classification.classification_metrics`.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    involved = confusion.sum(-2) + confusion.sum(-1)
    total, seen = confusion.sum((-2, -1))[..., None], involved > 0
    wrong = np.divide(involved - 2 * hits, total, out=np.full(involved.shape, np.nan), where=total > 0)
    number = seen.sum(-1)
    return 1 - np.divide((wrong * seen).sum(-1), number, out=np.full(number.shape, np.nan), where=number > 0)


_OF_CONFUSION: dict[str, ConfusionScore] = {
    "acc": accuracy_per_class,
    "precision": macro_precision,
    "recall": macro_recall,
    "f1": macro_f1,
}


def weighted_metric(name: str, predictions: Classified, users: Users) -> WeightedMetric | None:
    """The pooled metric of this name; None for one that can't be computed again from predictions."""
    classes = predictions.probabilities.shape[2]
    if name == "auc":
        scores = np.where(np.isnan(predictions.probabilities), -np.inf, predictions.probabilities)
        return auc_metric(predictions.truth[:, None] == np.arange(classes), scores, users)
    score = _OF_CONFUSION.get(name)
    if score is None:
        return None
    return confusion_metric(predictions.truth, predictions.predicted, users, classes, score)
