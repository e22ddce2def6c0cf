"""What every classifier of completed sessions must hold to, as tests to inherit::

class TestMine(IntentModelConformance):
    name = "mine"
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from bench.contracts import IntentDims, IntentModel
from bench.data.corpus import Corpus
from bench.testing.components import ComponentConformance
from bench.testing.corpora import random_corpus
from bench.training.context import TrainingContext

WIDTH, SHARES = 6, (0.5, 0.2, 0.2, 0.1)
CLASSES = len(SHARES)
Examples = tuple[NDArray[np.float32], NDArray[np.int64]]


class IntentModelConformance(ComponentConformance):
    """Tests of one intent model; see :mod:`bench.testing.intent_models`.

    Attributes:
        tolerance: how far a probability may differ between batches.
    """

    contract = IntentModel
    tolerance: ClassVar[float] = 1e-6

    # ---- what the tests are made of --------------------------------------------------------------------------------

    def fitted(
        self, corpus: Corpus, train: Examples, valid: Examples, seed: int = 0, classes: int = CLASSES
    ) -> IntentModel:
        """The model after fitting, everything random from ``seed``."""
        torch.manual_seed(seed)
        model: IntentModel = self.target()(IntentDims(train[0].shape[1], classes), **self.settings())
        model.fit(*train, *valid, TrainingContext(corpus, seed))
        return model

    def same(self, left: NDArray[np.float64], right: NDArray[np.float64]) -> None:
        """Asserts that probabilities agree within the tolerance."""
        np.testing.assert_allclose(left, right, atol=self.tolerance, rtol=0)

    @pytest.fixture
    def corpus(self, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
        """What the context needs; the vectors are not made from it."""
        folder = tmp_path_factory.getbasetemp() / "conformance-intents"
        return Corpus(folder) if folder.exists() else random_corpus(folder, 20)

    # ---- probabilities ---------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("classes", [2, CLASSES])
    @pytest.mark.parametrize("width", [WIDTH, 1, 0])
    def test_probabilities_are_finite_and_sum_to_one(self, corpus: Corpus, width: int, classes: int) -> None:
        train, valid, test = (planted(count, width=width, classes=classes, seed=count) for count in (120, 60, 50))
        found = self.fitted(corpus, train, valid, classes=classes).probabilities(test[0])
        assert found.shape == (50, classes)
        assert np.isfinite(found).all()
        assert (found >= 0).all()
        np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)

    def test_without_vectors_it_knows_how_frequent_the_classes_are(self, corpus: Corpus) -> None:
        train, valid, test = (planted(count, width=0, seed=count) for count in (400, 60, 9))
        found = self.fitted(corpus, train, valid).probabilities(test[0])
        self.same(found, np.tile(found[:1], (9, 1)))
        assert found[0].argmax() == np.bincount(train[1]).argmax()

    def test_the_same_probabilities_in_any_batch(self, corpus: Corpus) -> None:
        train, valid, test = (planted(count, seed=count) for count in (120, 60, 50))
        model = self.fitted(corpus, train, valid)
        expected = model.probabilities(test[0])
        for order in (np.arange(50)[::-1].copy(), np.array([4]), np.array([2, 2, 7])):
            self.same(model.probabilities(test[0][order]), expected[order])

    # ---- fitting ---------------------------------------------------------------------------------------------------

    def test_it_follows_from_the_seed_and_changes_no_argument(self, corpus: Corpus) -> None:
        train, valid, test = (planted(count, seed=count) for count in (120, 60, 50))
        before = [part.copy() for part in (*train, *valid)]
        first, again = (self.fitted(corpus, train, valid, seed=5).probabilities(test[0]) for _ in range(2))
        np.testing.assert_array_equal(first, again)
        for part, was in zip((*train, *valid), before, strict=True):
            np.testing.assert_array_equal(part, was)

    @pytest.mark.parametrize("count", [0, 3], ids=["empty", "lacks classes"])
    def test_the_validation_split_may_be_small(self, corpus: Corpus, count: int) -> None:
        train, test = planted(120, seed=1), planted(50, seed=2)
        valid = planted(60, seed=3)
        chosen = np.flatnonzero(valid[1] == 0)[:count]
        found = self.fitted(corpus, train, (valid[0][chosen], valid[1][chosen])).probabilities(test[0])
        assert np.isfinite(found).all()

    def test_it_learns_planted_classes(self, corpus: Corpus) -> None:
        train, valid, test = (planted(count, seed=count) for count in (400, 100, 300))
        right = self.fitted(corpus, train, valid).probabilities(test[0]).argmax(1) == test[1]
        assert right.mean() > SHARES[0] + 0.3, f"accuracy {right.mean():.2f}, always the largest class {SHARES[0]}"

    def test_it_learns_nothing_from_the_validation_split(self, corpus: Corpus) -> None:
        """Training labels are random, those of validation are told by the vectors: choosing by them teaches nothing."""
        rng = np.random.default_rng(0)
        noise = planted(200, classes=2, seed=1, shares=(0.5, 0.5))[0], rng.integers(0, 2, 200)
        valid, test = (planted(200, classes=2, seed=seed, shares=(0.5, 0.5)) for seed in (2, 3))
        right = self.fitted(corpus, noise, valid, classes=2).probabilities(test[0]).argmax(1) == test[1]
        assert right.mean() < 0.8, f"accuracy {right.mean():.2f} by labels that only validation tells"


def planted(
    count: int,
    width: int = WIDTH,
    classes: int = CLASSES,
    seed: int = 0,
    shares: tuple[float, ...] = SHARES,
) -> Examples:
    """Vectors (count, width) around a centre of each class, and the classes (count,), each of which is there."""
    rng = np.random.default_rng([7, seed])
    share = np.array(shares[:classes]) / sum(shares[:classes])
    labels = np.concatenate([np.arange(classes), rng.choice(classes, count, p=share)])[:count]
    centres = np.random.default_rng(0).normal(size=(CLASSES, width))  # the same in every split
    vectors = 2 * centres[labels] + 0.5 * rng.normal(size=(count, width))
    return vectors.astype(np.float32), labels
