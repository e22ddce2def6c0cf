"""Metrics of weighted users equal scikit-learn's on rows repeated as often, classes that are missing among them."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sklearn

from bench.metrics import classification
from bench.metrics.auc import auc_metric
from bench.metrics.classification import classification_metrics, weighted_metric
from bench.stats.users import Users

SCORES: dict[str, Callable[[NDArray, NDArray], float]] = {
    "precision": lambda t, p: sklearn.precision_score(t, p, average="macro", zero_division=0),
    "recall": lambda t, p: sklearn.recall_score(t, p, average="macro", zero_division=0),
    "f1": lambda t, p: sklearn.f1_score(t, p, average="macro", zero_division=0),
    "acc": lambda t, p: np.mean([sklearn.accuracy_score(t == c, p == c) for c in np.union1d(t, p)]),
}


def repeated(weights: NDArray, users: Users) -> NDArray:
    """Rows of the queries, each as often as its user was drawn."""
    return np.repeat(np.arange(len(users.code)), weights[users.code].astype(int))


@pytest.mark.parametrize("name", SCORES)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(2, 6))
def test_confusion_metrics_are_those_of_scikit_learn(name: str, seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    users = Users.of(rng.integers(0, 6, 15))
    truth, predicted = rng.integers(0, classes, 15), rng.integers(0, classes, (2, 15))
    weights = rng.integers(0, 3, (4, len(users))).astype(float)
    weights[:, 0] += 1
    metric, theirs = weighted_metric(name, truth, predicted, np.zeros((2, 15, classes)), users.code), SCORES[name]
    assert metric is not None
    found = metric(weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that are predicted and never true
        expected = [
            [theirs(truth[rows], of_seed[rows]) for of_seed in predicted]
            for rows in (repeated(w, users) for w in weights)
        ]
    np.testing.assert_allclose(found, expected)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), levels=st.integers(1, 20))
def test_auc_is_that_of_scikit_learn_with_ties(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    users = Users.of(rng.integers(0, 8, 30))
    truth = np.concatenate([np.arange(3), rng.integers(0, 3, 27)])
    positive = truth[:, None] == np.arange(3)
    scores = rng.integers(0, levels, (2, 30, 3)) / levels
    weights = rng.integers(1, 4, (3, len(users))).astype(float)
    found = auc_metric(positive, scores, users.code)(weights)
    expected = [
        [
            np.mean([sklearn.roc_auc_score(positive[:, c], s[:, c], sample_weight=w[users.code]) for c in range(3)])
            for s in scores
        ]
        for w in weights
    ]
    np.testing.assert_allclose(found, expected)


def test_a_constant_scorer_has_an_auc_of_one_half_and_a_class_nowhere_counts_for_nothing() -> None:
    users = Users.of(np.arange(6))
    positive = np.array([[1, 0, 0]] * 3 + [[0, 1, 0]] * 3, dtype=bool)
    scores = np.zeros((1, 6, 3))
    assert auc_metric(positive, scores, users.code)(np.ones((1, 6)))[0, 0] == 0.5
    scores[0, :, 0], scores[0, :, 1] = -np.arange(6), np.arange(6)
    assert auc_metric(positive, scores, users.code)(np.ones((1, 6)))[0, 0] == 1.0
    only_the_first_three = np.array([[1.0, 1, 1, 0, 0, 0]])
    assert np.isnan(auc_metric(positive, scores, users.code)(only_the_first_three)[0, 0])


def test_many_classes_go_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    users = Users.of(rng.integers(0, 40, 200))
    truth, predicted = rng.integers(0, 30, 200), rng.integers(0, 30, (2, 200))
    weights = rng.integers(0, 3, (50, len(users))).astype(float)
    metric = classification.confusion_metric(truth, predicted, users.code, 30, classification.macro_f1)
    whole = metric(weights)
    monkeypatch.setattr(classification, "_BLOCK", 2 * 900 * 7)
    np.testing.assert_array_equal(metric(weights), whole)
    assert whole.shape == (50, 2)


def test_a_cells_number_is_the_metric_with_every_user_once() -> None:
    """The number that a cell reports and the estimate that the bootstrap tests are the same to the last bit."""
    rng = np.random.default_rng(1)
    user, labels = Users.of(rng.integers(0, 20, 200)).code, rng.integers(0, 4, 200)
    probabilities = rng.random((2, 200, 4)).round(1)  # many ties
    probabilities[0, :5] = np.nan
    predicted = np.nan_to_num(probabilities).argmax(2)
    for seed in range(2):
        for name, value in classification_metrics(labels, predicted[seed], probabilities[seed]).items():
            metric = weighted_metric(name, labels, predicted, probabilities, user)
            assert metric is not None
            assert metric(np.ones((1, user.max() + 1)))[0, seed] == value, name


def test_a_metric_that_predictions_do_not_give_is_none() -> None:
    one = np.zeros(3, dtype=np.int64)
    assert weighted_metric("log-loss", one, one[None], np.zeros((1, 3, 2)), one) is None
