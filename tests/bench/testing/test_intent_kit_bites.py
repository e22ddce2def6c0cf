"""The kit of intent models notices what breaks the contract, and passes what keeps it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kit_runner import checks_of, run_check
from numpy.typing import NDArray
from small_corpora import random_corpus

from bench.contracts import IntentModel
from bench.data.corpus import Corpus
from bench.testing import IntentModelConformance
from bench.training.context import TrainingContext


class _Centres(IntentModel):
    """Correct: the nearest centre of a class, its share in training beside."""

    def fit(
        self,
        vectors: NDArray[np.float32],
        labels: NDArray[np.int64],
        valid_vectors: NDArray[np.float32],
        valid_labels: NDArray[np.int64],
        context: TrainingContext,
    ) -> None:
        classes = self.dims.classes
        self.centres = np.stack([vectors[labels == c].mean(0) for c in range(classes)])  # (C, d)
        self.share = np.bincount(labels, minlength=classes) / len(labels)

    def distances(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, C)."""
        return ((vectors[:, None].astype(np.float64) - self.centres) ** 2).sum(2)

    def probabilities(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        scores = self.share * np.exp(-self.distances(vectors).clip(max=50))
        return scores / scores.sum(1, keepdims=True)


class _NoSum(_Centres):
    def probabilities(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        return super().probabilities(vectors) + 0.1


class _AllAlike(_Centres):
    def fit(self, *given: object) -> None:
        super().fit(*given)  # type: ignore[arg-type]
        self.share = self.share[::-1].copy()


class _BatchMates(_Centres):
    def distances(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        return super().distances(vectors - vectors.mean(0))


class _Unseeded(_Centres):
    def fit(self, *given: object) -> None:
        super().fit(*given)  # type: ignore[arg-type]
        self.share = self.share + np.random.default_rng().random(len(self.share))


class _Sorts(_Centres):
    def fit(self, vectors: NDArray[np.float32], labels: NDArray[np.int64], *rest: object) -> None:
        super().fit(vectors, labels, *rest)  # type: ignore[arg-type]
        labels.sort()


class _NeedsEveryClassInValidation(_Centres):
    def fit(self, *given: object) -> None:
        super().fit(*given)  # type: ignore[arg-type]
        self.share = self.share / np.bincount(given[3], minlength=self.dims.classes)  # type: ignore[arg-type]


class _LearnsNothing(_Centres):
    def distances(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        return super().distances(np.zeros_like(vectors))


class _LearnsFromValidation(_Centres):
    def fit(self, vectors: object, labels: object, valid: object, valid_labels: object, context: object) -> None:
        super().fit(valid, valid_labels, valid, valid_labels, context)  # type: ignore[arg-type]


CASES = [
    (_NoSum, "test_probabilities_are_finite_and_sum_to_one"),
    (_AllAlike, "test_without_vectors_it_knows_how_frequent_the_classes_are"),
    (_BatchMates, "test_the_same_probabilities_in_any_batch"),
    (_Unseeded, "test_it_follows_from_the_seed_and_changes_no_argument"),
    (_Sorts, "test_it_follows_from_the_seed_and_changes_no_argument"),
    (_NeedsEveryClassInValidation, "test_the_validation_split_may_be_small"),
    (_LearnsNothing, "test_it_learns_planted_classes"),
    (_LearnsFromValidation, "test_it_learns_nothing_from_the_validation_split"),
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("corpus") / "small", sessions=20)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("broken", "check"), CASES)
def test_the_kit_catches_what_breaks_the_contract(
    broken: type[IntentModel], check: str, corpus: Corpus, tmp_path: Path
) -> None:
    given = {"corpus": corpus, "width": 6, "classes": 4, "count": 3}
    with pytest.raises(AssertionError):
        run_check(IntentModelConformance, check, given, tmp_path / "broken", component=broken)
    run_check(IntentModelConformance, check, given, tmp_path / "correct", component=_Centres)


def test_every_check_is_shown_to_bite() -> None:
    assert checks_of(IntentModelConformance) == {check for _, check in CASES}
