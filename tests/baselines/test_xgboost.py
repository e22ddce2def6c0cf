"""Boosted trees: class shares where there is nothing to split by, a seed that decides, rounds chosen on validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from small_corpora import random_corpus

from baselines.xgboost import BoostedTrees
from bench.contracts import IntentDims
from bench.data.corpus import Corpus
from bench.training.context import TrainingContext


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_corpus(tmp_path_factory.mktemp("corpus") / "small", sessions=12).folder


@pytest.fixture
def context(folder: Path) -> TrainingContext:
    return TrainingContext(Corpus(folder), 5)


def blobs(units: int, classes: int, seed: int = 0, width: int = 4) -> tuple[NDArray, NDArray]:
    rng = np.random.default_rng([seed, units])
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, units - classes)])
    centres = np.random.default_rng(1).normal(size=(classes, width))
    return (2 * centres[labels] + rng.normal(size=(units, width))).astype(np.float32), labels


@pytest.mark.parametrize("classes", [2, 5])
def test_it_tells_classes_apart(context: TrainingContext, classes: int) -> None:
    model = BoostedTrees(IntentDims(4, classes))
    model.fit(*blobs(400, classes), *blobs(100, classes, 1), context)
    vectors, labels = blobs(200, classes, 2)
    probabilities = model.probabilities(vectors)
    assert probabilities.shape == (200, classes)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    assert (probabilities.argmax(1) == labels).mean() > 1.5 / classes


def test_rounds_are_chosen_on_validation(context: TrainingContext) -> None:
    model = BoostedTrees(IntentDims(4, 3), patience=5)
    model.fit(*blobs(200, 3), *blobs(60, 3, 1), context)
    valid = [row["valid"] for row in context.curve]
    assert len(valid) < 200, "it stopped"
    assert int(np.argmax(valid)) == len(valid) - 6, "five rounds after the best one"
    assert context.curve[-1]["train_loss"] < context.curve[0]["train_loss"]
    whole, labels = blobs(60, 3, 1)
    likely = model.probabilities(whole)[np.arange(60), labels]
    assert -np.log(likely).mean() == pytest.approx(-max(valid), rel=1e-4), "the best round's trees are used"


@pytest.mark.parametrize(("width", "classes"), [(0, 3), (4, 1)])
def test_with_nothing_to_learn_it_gives_the_shares_of_the_classes(
    context: TrainingContext, width: int, classes: int
) -> None:
    vectors, labels = blobs(50, classes, width=width)
    model = BoostedTrees(IntentDims(width, classes))
    model.fit(vectors, labels, vectors[:0], labels[:0], context)
    assert (model.probabilities(vectors[:7]) == np.bincount(labels) / 50).all()
    assert model.probabilities(vectors[:0]).shape == (0, classes)


def test_a_validation_split_that_lacks_classes_is_no_trouble(context: TrainingContext) -> None:
    vectors, labels = blobs(60, 4, 1)
    few = labels == 2
    model = BoostedTrees(IntentDims(4, 4), rounds=5)
    model.fit(*blobs(200, 4), vectors[few], labels[few], context)
    assert model.probabilities(vectors).shape == (60, 4)


def test_it_follows_from_the_seed(folder: Path) -> None:
    found = []
    for _ in range(2):
        model = BoostedTrees(IntentDims(4, 3), rounds=10)
        model.fit(*blobs(200, 3), *blobs(60, 3, 1), TrainingContext(Corpus(folder), 7))
        found.append(model.probabilities(blobs(50, 3, 2)[0]))
    np.testing.assert_array_equal(found[0], found[1])
