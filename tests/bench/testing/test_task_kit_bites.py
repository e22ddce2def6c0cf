"""The kit of tasks notices what breaks the contract, and passes what keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from kit_runner import checks_of, run_check
from numpy.typing import NDArray
from small_corpora import random_corpus

from bench import BaselineSpec, Corpus, SessionVectors, Task, TaskResult, TaskSpec, TrainingContext
from bench.data.schema import SPLITS
from bench.plugins.specs import Spec
from bench.testing import TaskConformance


class _Mean(Task[Any]):
    """Correct: of every query of the test split, how far its number of words is from that of training queries."""

    def units(self, corpus: Corpus) -> NDArray[np.int64]:
        return np.arange(len(corpus.columns.query_session))

    def words(self, corpus: Corpus) -> NDArray[np.float64]:
        """(Q,) number of words of each query."""
        return np.diff(corpus.columns.query_word_offsets).astype(np.float64)

    def split(self, corpus: Corpus, name: str) -> NDArray[np.int64]:
        """Query rows of a split."""
        columns = corpus.columns
        return np.flatnonzero(columns.session_split[columns.query_session] == SPLITS.index(name))

    def mean(self, corpus: Corpus) -> float:
        """What it learns."""
        return float(self.words(corpus)[self.split(corpus, "train")].mean())

    def run(
        self,
        corpus: Corpus,
        baseline: type[Any],
        options: Mapping[str, Any],
        sessions: SessionVectors,
        context: TrainingContext,
    ) -> TaskResult:
        mean, rows = self.mean(corpus), self.split(corpus, "test")
        owner = corpus.columns.query_session[rows]
        ids = corpus.strings("sessions", "session_id").take(owner).to_pandas()
        users = corpus.strings("sessions", "user").take(owner).to_pandas()
        unit = corpus.strings("queries", "query_id").take(rows).to_pandas().to_numpy()
        about = pd.DataFrame({"unit": unit, "user": users.where(users.notna(), ids).to_numpy()})
        scores = about.assign(metric="distance", value=np.abs(self.words(corpus)[rows] - mean))
        context.record(epoch=0, train_loss=mean, valid=mean)
        return TaskResult(scores, about, pd.DataFrame(context.curve))


class _Unsorted(_Mean):
    def units(self, corpus: Corpus) -> NDArray[np.int64]:
        return super().units(corpus)[::-1].copy()


class _RowsForIds(_Mean):
    def run(self, *given: Any) -> TaskResult:
        result = super().run(*given)
        return replace(result, scores=result.scores.assign(unit=np.arange(len(result.scores))))


class _ScoresTraining(_Mean):
    def split(self, corpus: Corpus, name: str) -> NDArray[np.int64]:
        return super().split(corpus, "train")


class _AnotherMetric(_Mean):
    def run(self, *given: Any) -> TaskResult:
        result = super().run(*given)
        return replace(result, scores=result.scores.assign(metric="other"))


class _NoPredictions(_Mean):
    def run(self, *given: Any) -> TaskResult:
        result = super().run(*given)
        return replace(result, predictions=result.predictions[:0])


class _FewerWithoutVectors(_Mean):
    def run(self, *given: Any) -> TaskResult:
        result = super().run(*given)
        return replace(result, scores=result.scores[: None if given[3].width else 3])


class _NanWithoutImages(_Mean):
    def mean(self, corpus: Corpus) -> float:
        return super().mean(corpus) if len(corpus.image_vectors) else float("nan")


class _Unseeded(_Mean):
    def mean(self, corpus: Corpus) -> float:
        return super().mean(corpus) + float(np.random.default_rng().random())


class _LearnsFromTest(_Mean):
    def mean(self, corpus: Corpus) -> float:
        return float(corpus.columns.query_words[:].mean())


SPECS: dict[str, Spec] = {
    "distance": TaskSpec("distance", "m:T", "h", "c", primary="distance", metrics=("distance",)),
    "nothing": BaselineSpec("nothing", "builtins:object", "h", "c", task="distance"),
    "without": TaskSpec("without", "m:T", "h", "c"),
}
CASES = [
    (_Unsorted, "test_units_are_query_rows_in_order"),
    (_RowsForIds, "test_every_score_is_of_a_unit_of_the_test_split"),
    (_ScoresTraining, "test_every_score_is_of_a_unit_of_the_test_split"),
    (_AnotherMetric, "test_its_metrics_are_those_that_it_declares"),
    (_NoPredictions, "test_predictions_are_kept_for_every_unit"),
    (_FewerWithoutVectors, "test_a_session_vector_of_width_0_is_scored_too"),
    (_NanWithoutImages, "test_any_corpus_is_scored"),
    (_Unseeded, "test_scores_follow_from_the_seed"),
    (_LearnsFromTest, "test_half_of_the_test_split_reaches_neither_training_nor_the_other_half"),
]


class _Kit(TaskConformance):
    """The kit of a task whose spec and baseline stand here and in no registry."""

    stands_for: ClassVar[str] = "distance"

    @property
    def spec(self) -> Spec:
        return SPECS[self.stands_for]

    def target(self) -> Any:
        return type(self).component

    def model(self) -> BaselineSpec:
        found = SPECS["nothing"]
        assert isinstance(found, BaselineSpec)
        return found


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("corpus") / "small", sessions=80, image_share=0.5)


@pytest.mark.parametrize(("broken", "check"), CASES)
def test_the_kit_catches_what_breaks_the_contract(
    broken: type[Task[Any]], check: str, corpus: Corpus, tmp_path: Path
) -> None:
    given = {"corpus": corpus, "variant": "without images"}
    with pytest.raises(AssertionError):
        run_check(_Kit, check, given, tmp_path / "broken", component=broken)
    run_check(_Kit, check, given, tmp_path / "correct", component=_Mean)


def test_a_task_without_primary_metric_is_noticed(tmp_path: Path) -> None:
    check = "test_it_names_its_primary_metric_and_has_a_baseline"
    with pytest.raises(AssertionError, match="hypotheses are about"):
        run_check(_Kit, check, {}, tmp_path / "broken", component=_Mean, stands_for="without")
    run_check(_Kit, check, {}, tmp_path / "correct", component=_Mean)


def test_every_check_is_shown_to_bite() -> None:
    shown = {check for _, check in CASES} | {"test_it_names_its_primary_metric_and_has_a_baseline"}
    assert checks_of(TaskConformance) == shown
