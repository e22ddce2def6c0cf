"""Metrics of a classifier over a whole sample: none of them is a mean over its units, accuracy excepted.

Averages over classes are plain means over the classes that occur among labels or predictions, as scikit-learn's
``average="macro"`` with ``zero_division=0`` (for AUC: over the classes that some units have and others have not).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from bench.stats.confusion import class_accuracy, macro_f1, macro_precision, macro_recall

PROBABILITY = "p:"
"""Prefix of the columns of predictions that hold a class's probabilities, in the order of the classes' codes."""


def classification_metrics(labels: NDArray, predicted: NDArray, probabilities: NDArray) -> dict[str, float]:
    """AUC, average accuracy per class, and macro-averaged precision, recall and F1.

    ``acc`` is the accuracy of "this class or another", averaged over classes (Sokolova & Lapalme, A systematic analysis
    of performance measures for classification tasks, 2009): what "average Accuracy per class" says. It isn't the share
    of units classified correctly, and above it with more than two classes.

    Args:
        labels: (n,) codes 0 … C - 1.
        predicted: (n,) codes.
        probabilities: (n, C) of each class, or any scores that order the units by it; NaN counts as the lowest.

    Returns:
        ``auc``, ``f1``, ``acc``, ``precision``, ``recall``; NaN where nothing is defined: all without any unit, AUC
        where all units are of one class.
    """
    classes = probabilities.shape[1]
    confusion = np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)
    scores = {"f1": macro_f1, "acc": class_accuracy, "precision": macro_precision, "recall": macro_recall}
    macro = {name: float(score(confusion)) for name, score in scores.items()}
    return {"auc": auc_one_vs_rest(labels, probabilities), **macro}


def auc_one_vs_rest(labels: NDArray, probabilities: NDArray) -> float:
    """Macro area under the ROC curve, one class against all others: the chance that a unit of the class is scored
    above one that is not, ties counting half. (Mann & Whitney's U from mid-ranks.)
    """
    classes = probabilities.shape[1]
    ranks = rankdata(np.where(np.isnan(probabilities), -np.inf, probabilities), axis=0)  # (n, C)
    positives = np.bincount(labels, minlength=classes).astype(np.float64)
    of_class = np.bincount(labels, weights=ranks[np.arange(len(labels)), labels], minlength=classes)
    defined = (positives > 0) & (positives < len(labels))
    if not defined.any():
        return float("nan")
    positives, of_class = positives[defined], of_class[defined]
    return float(((of_class - positives * (positives + 1) / 2) / (positives * (len(labels) - positives))).mean())


def metrics_of_predictions(predictions: pd.DataFrame) -> dict[str, float]:
    """The same from a cell's predictions: columns ``label``, ``predicted`` (codes), and ``p:NAME`` of every class."""
    columns = [name for name in predictions.columns if name.startswith(PROBABILITY)]
    labels, predicted = predictions["label"].to_numpy(np.int64), predictions["predicted"].to_numpy(np.int64)
    return classification_metrics(labels, predicted, predictions[columns].to_numpy(np.float64))
