"""Metrics against other people's code where they mean the same: trec_eval for rankings, scikit-learn for classes."""

from __future__ import annotations

import numpy as np
import pytest
import pytrec_eval
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

from bench.metrics.classification import classification_metrics
from bench.metrics.ranking import ranking_metrics
from bench.metrics.vocabulary import top_words


def of_trec_eval(scores: NDArray, relevant: NDArray, k: int) -> dict[str, NDArray]:
    """trec_eval's NDCG, success and reciprocal rank, the last from the top k only. It breaks ties by document id."""
    queries, width = scores.shape
    names = [f"d{i:06d}" for i in range(width)]
    truth = {f"q{q}": {names[i]: int(relevant[q, i]) for i in range(width)} for q in range(queries)}
    run = {f"q{q}": {names[i]: float(scores[q, i]) for i in range(width)} for q in range(queries)}
    top = {
        f"q{q}": {names[i]: float(scores[q, i]) for i in np.argsort(-scores[q], kind="stable")[:k]}
        for q in range(queries)
    }
    whole = pytrec_eval.RelevanceEvaluator(truth, {f"ndcg_cut.{k}", f"success.{k}"}).evaluate(run)
    cut = pytrec_eval.RelevanceEvaluator(truth, {"recip_rank"}).evaluate(top)
    order = [f"q{q}" for q in range(queries)]
    return {
        f"ndcg@{k}": np.array([whole[q][f"ndcg_cut_{k}"] for q in order]),
        f"hr@{k}": np.array([whole[q][f"success_{k}"] for q in order]),
        f"mrr@{k}": np.array([cut[q]["recip_rank"] for q in order]),
    }


def without_ties(queries: int, width: int, share: float) -> tuple[NDArray, NDArray]:
    """Distinct scores that float32 holds exactly, and relevant candidates; some queries have none."""
    rng = np.random.default_rng([queries, width])
    return np.argsort(rng.random((queries, width)), axis=1).astype(np.float64), rng.random((queries, width)) < share


@pytest.mark.parametrize(("width", "share"), [(3, 0.4), (10, 0.2), (40, 0.1), (300, 0.01)])
@pytest.mark.parametrize("k", [1, 5, 10])
def test_rankings_without_ties_are_scored_as_by_trec_eval(width: int, share: float, k: int) -> None:
    scores, relevant = without_ties(150, width, share)
    found = ranking_metrics(scores, relevant, np.ones_like(relevant), k)
    for name, expected in of_trec_eval(scores, relevant, k).items():
        np.testing.assert_allclose(found[name], expected, atol=1e-9, err_msg=name)


@pytest.mark.parametrize(("width", "share"), [(3, 0.4), (10, 0.2), (300, 0.01)])
def test_a_vocabulary_without_ties_is_scored_as_by_trec_eval(width: int, share: float) -> None:
    scores, relevant = without_ties(150, width, share)
    owner, words = np.nonzero(relevant)
    top = top_words(
        torch.from_numpy(scores).float(), torch.from_numpy(words), torch.from_numpy(owner), torch.zeros(width, 2)
    )
    for name, expected in of_trec_eval(scores, relevant, 10).items():
        np.testing.assert_allclose(top.ties.metrics()[name], expected, atol=1e-9, err_msg=name)


def a_classifier(units: int, classes: int, skill: float, levels: int = 0) -> tuple[NDArray, NDArray, NDArray]:
    """Labels, predictions, probabilities; with ``levels`` the probabilities are tied a lot."""
    rng = np.random.default_rng([units, classes, levels])
    labels = rng.choice(classes, units, p=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())
    scores = rng.normal(size=(units, classes)) + skill * np.eye(classes)[labels]
    if levels:
        scores = np.rint(scores * levels) / levels
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return labels, probabilities.argmax(1), probabilities


@pytest.mark.parametrize("classes", [2, 3, 12])
@pytest.mark.parametrize("levels", [0, 1])
def test_classes_are_scored_as_by_scikit_learn(classes: int, levels: int) -> None:
    labels, predicted, probabilities = a_classifier(400, classes, 1.0, levels)
    found = classification_metrics(labels, predicted, probabilities)
    for name, function in (("f1", f1_score), ("precision", precision_score), ("recall", recall_score)):
        expected = function(labels, predicted, average="macro", zero_division=0)
        assert found[name] == pytest.approx(expected, abs=1e-12), name
    truth = np.eye(classes)[labels]
    assert found["auc"] == pytest.approx(roc_auc_score(truth, probabilities, average="macro"), abs=1e-12)
    agree = [(labels == c) == (predicted == c) for c in range(classes)]
    assert found["acc"] == pytest.approx(np.mean(agree), abs=1e-12)


def test_classes_that_are_never_true_or_never_predicted() -> None:
    """As scikit-learn: a class counts where it is true or predicted, and an undefined ratio is 0."""
    labels, predicted = np.array([0, 0, 1, 1, 3]), np.array([0, 2, 1, 0, 1])  # 2 only predicted, 3 only true, 4 neither
    probabilities = np.random.default_rng(0).random((5, 5))
    found = classification_metrics(labels, predicted, probabilities)
    for name, function in (("f1", f1_score), ("precision", precision_score), ("recall", recall_score)):
        assert found[name] == pytest.approx(function(labels, predicted, average="macro", zero_division=0)), name
    defined = [roc_auc_score(labels == c, probabilities[:, c]) for c in (0, 1, 3)]
    assert found["auc"] == pytest.approx(np.mean(defined))


def test_the_order_of_units_and_of_classes_does_not_matter() -> None:
    labels, predicted, probabilities = a_classifier(300, 5, 0.7, 2)
    expected = classification_metrics(labels, predicted, probabilities)
    rng = np.random.default_rng(0)
    units, classes = rng.permutation(300), rng.permutation(5)
    moved = np.argsort(classes)
    found = classification_metrics(moved[labels[units]], moved[predicted[units]], probabilities[units][:, classes])
    assert found == pytest.approx(expected, abs=1e-12)


def auc_of(labels: NDArray, scores: NDArray) -> float:
    return classification_metrics(labels, np.zeros_like(labels), scores)["auc"]


def test_a_constant_scorer_is_at_chance_and_odd_scores_are_ranked() -> None:
    labels = np.array([0, 1, 1, 2, 0, 2])
    for constant in (0.0, 0.3, np.inf, -np.inf, np.nan):
        assert auc_of(labels, np.full((6, 3), constant)) == 0.5
    right = np.where(np.eye(3)[labels] > 0, np.inf, -np.inf)
    assert auc_of(labels, right) == 1.0
    assert auc_of(labels, -right) == 0.0
    missing = np.where(np.eye(3)[labels] > 0, np.nan, 0.0)  # the right class's probability is the one that is missing
    assert auc_of(labels, missing) == 0.0


def test_what_is_not_defined_is_nan_and_does_not_crash() -> None:
    empty = classification_metrics(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 3)))
    assert all(np.isnan(value) for value in empty.values())
    one_class = classification_metrics(np.zeros(4, int), np.zeros(4, int), np.ones((4, 1)))
    assert np.isnan(one_class.pop("auc"))
    assert set(one_class.values()) == {1.0}


@pytest.mark.parametrize("classes", [2, 6])
def test_with_labels_permuted_every_metric_falls_to_chance(classes: int) -> None:
    labels, predicted, probabilities = a_classifier(6000, classes, 3.0)
    skilled = classification_metrics(labels, predicted, probabilities)
    shuffled = np.random.default_rng(0).permutation(labels)
    found = classification_metrics(shuffled, predicted, probabilities)
    share, claimed = np.bincount(labels) / 6000, np.bincount(predicted) / 6000
    chance = {
        "auc": 0.5,
        "recall": claimed.mean(),
        "precision": share.mean(),
        "f1": (2 * share * claimed / (share + claimed)).mean(),
        "acc": (share * claimed + (1 - share) * (1 - claimed)).mean(),
    }
    for name, expected in chance.items():
        assert found[name] == pytest.approx(expected, abs=0.02), name
        assert skilled[name] > expected + 0.1, name
