"""What every task must hold to, as tests to inherit::

    class TestMine(TaskConformance):
        name = "mine"

It is run with one of its registered baselines (``baseline`` says which) and random session vectors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from bench.contracts import Task, TaskResult
from bench.data.corpus import Corpus
from bench.data.schema import SPLITS
from bench.plugins.registry import registry
from bench.plugins.specs import BaselineSpec, Spec, TaskSpec
from bench.testing.click_corpora import rewritten
from bench.testing.components import ComponentConformance
from bench.testing.corpora import IMAGES, VARIANTS, random_corpus, variant_corpus
from bench.training.context import TrainingContext
from bench.training.session_vectors import FrozenVectors

WIDTH, TEST = 4, SPLITS.index("test")
_QUICK = {"epochs": 1}


class TaskConformance(ComponentConformance):
    """Tests of one task; see :mod:`bench.testing.tasks`. A single epoch is trained where ``epochs`` is an option.

    Attributes:
        baseline: name of the baseline that it is run with; the first registered one that learns, by default.
    """

    kind = "task"
    contract = Task
    given = frozenset()
    baseline: ClassVar[str | None] = None

    # ---- what the tests are made of --------------------------------------------------------------------------------

    def make(self) -> Task[Any]:
        """The task with its options."""
        declared = self.settings()
        quick = {key: value for key, value in _QUICK.items() if key in declared}
        made: Task[Any] = self.target()(**{**declared, **quick, **self.options})
        return made

    def model(self) -> BaselineSpec:
        """The baseline that it is run with."""
        specs = [registry().get("baseline", name) for name in registry().names("baseline")]
        chosen = [
            spec
            for spec in specs
            if isinstance(spec, BaselineSpec) and spec.task == self.name and self.baseline in (None, spec.name)
        ]
        assert chosen, f"no baseline of the task {self.name} is registered"
        return min(chosen, key=lambda spec: spec.reference)  # stable: the first that is none

    def declarations(self) -> list[tuple[Spec, dict[str, Any]]]:
        """The task's and its baseline's: either may refuse."""
        baseline = self.model()
        return [*super().declarations(), (baseline, dict(baseline.defaults))]

    def run(self, corpus: Corpus, seed: int = 0, width: int = WIDTH) -> TaskResult:
        """The result on ``corpus`` with session vectors that are random, but the same for the same query."""
        task, model = self.make(), self.model()
        context = TrainingContext(corpus, seed)
        with self.may_refuse(corpus):
            units = torch.from_numpy(task.units(corpus))
            vectors = torch.randn(len(corpus.columns.query_session), width, generator=torch.Generator().manual_seed(1))
            torch.manual_seed(seed)
            return task.run(corpus, model.load(), model.defaults, FrozenVectors(units, vectors[units]), context)

    @pytest.fixture(params=list(IMAGES.values()), ids=list(IMAGES))
    def corpus(self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
        """Eighty short sessions, with and without images. Written once for all classes."""
        folder = tmp_path_factory.getbasetemp() / f"conformance-tasks-{request.param}"
        return Corpus(folder) if folder.exists() else random_corpus(folder, 80, image_share=request.param)

    # ---- what it says of itself ------------------------------------------------------------------------------------

    def test_it_names_its_primary_metric_and_has_a_baseline(self) -> None:
        spec = self.spec
        assert isinstance(spec, TaskSpec)
        assert spec.primary, "hypotheses are about its primary metric"
        assert not spec.metrics or spec.primary in spec.metrics
        assert self.model().task == spec.name

    # ---- units and scores ------------------------------------------------------------------------------------------

    def test_units_are_query_rows_in_order(self, corpus: Corpus) -> None:
        units = self.make().units(corpus)
        assert units.dtype == np.int64
        assert len(units), "no example in a corpus of eighty sessions"
        assert (np.diff(units) > 0).all(), "ascending, each once"
        assert units[0] >= 0
        assert units[-1] < len(corpus.columns.query_session)

    def test_every_score_is_of_a_unit_of_the_test_split(self, corpus: Corpus) -> None:
        """One finite number for each unit and metric, and the user whose it is."""
        result = self.run(corpus)
        scores = result.scores
        assert {"unit", "user", "metric", "value"} <= set(scores.columns)
        assert len(scores)
        assert np.isfinite(scores["value"]).all()
        assert not scores.duplicated(["unit", "metric"]).any(), "one row a unit and metric"
        counts = scores.groupby("metric")["unit"].agg(frozenset)
        assert counts.nunique() == 1, "every metric has the same units"
        owner = owners(corpus)
        known = scores["unit"].map(owner)
        assert known.notna().all(), "a unit is the id of a query or of a session of the test split"
        assert (known == scores["user"]).all(), "the user, or the session's id where the log has no users"

    def test_its_metrics_are_those_that_it_declares(self, corpus: Corpus) -> None:
        spec, result = self.spec, self.run(corpus)
        assert isinstance(spec, TaskSpec)
        reported = {*result.scores["metric"], *result.pooled}
        assert spec.primary in reported
        assert not spec.metrics or reported == set(spec.metrics)

    def test_predictions_are_kept_for_every_unit(self, corpus: Corpus) -> None:
        """So that a bug in a metric does not cost the run again."""
        result = self.run(corpus)
        assert set(result.scores["unit"]) == set(result.predictions["unit"])
        assert {"epoch", "train_loss", "valid"} <= set(result.curve.columns) or not len(result.curve)

    def test_a_session_vector_of_width_0_is_scored_too(self, corpus: Corpus) -> None:
        """That is ``vanilla``, which everything is compared with; the same units are scored."""
        with_vectors, without = self.run(corpus), self.run(corpus, width=0)
        assert set(with_vectors.scores["unit"]) == set(without.scores["unit"])

    @pytest.mark.parametrize("variant", VARIANTS)
    def test_any_corpus_is_scored(self, tmp_path: Path, variant: str) -> None:
        """Or refused in a line that says what it lacks."""
        result = self.run(variant_corpus(tmp_path / "corpus", variant, sessions=80))
        assert np.isfinite(result.scores["value"]).all()

    # ---- seeds and leaks -------------------------------------------------------------------------------------------

    def test_scores_follow_from_the_seed(self, corpus: Corpus) -> None:
        first, again = (self.run(corpus, seed=3) for _ in range(2))
        pd.testing.assert_frame_equal(first.scores, again.scores)
        pd.testing.assert_frame_equal(first.predictions, again.predictions)
        assert first.pooled == again.pooled

    def test_half_of_the_test_split_reaches_neither_training_nor_the_other_half(
        self, corpus: Corpus, tmp_path: Path
    ) -> None:
        """Its queries, items and clicks are others; all that is scored elsewhere stays, the curve with it."""
        columns = corpus.columns
        sessions = np.flatnonzero(columns.session_split == TEST)[::2]
        marked = np.isin(columns.query_session, sessions)
        changed = rewritten(corpus, tmp_path / "changed", steps=marked, clicks=marked)
        elsewhere = set(owners(corpus, np.setdiff1d(np.flatnonzero(columns.session_split == TEST), sessions)).index)
        before, after = (of_units(self.run(one).scores, elsewhere) for one in (corpus, changed))
        assert len(before)
        pd.testing.assert_frame_equal(before, after)
        pd.testing.assert_frame_equal(self.run(corpus).curve, self.run(changed).curve)


def owners(corpus: Corpus, sessions: NDArray[np.int64] | None = None) -> pd.Series:
    """The user of every session and query of the test split (or of some sessions), by the id; a session without user
    is its own.
    """
    columns = corpus.columns
    chosen = np.flatnonzero(columns.session_split == TEST) if sessions is None else sessions
    names = corpus.strings("sessions", "session_id").to_pandas()
    users = corpus.strings("sessions", "user").to_pandas()
    of_session = users.where(users.notna(), names).to_numpy()
    queries = np.flatnonzero(np.isin(columns.query_session, chosen))
    query_names = corpus.strings("queries", "query_id").to_pandas().to_numpy()[queries]
    by_session = pd.Series(of_session[chosen], index=names.to_numpy()[chosen])
    return pd.concat([by_session, pd.Series(of_session[columns.query_session[queries]], index=query_names)])


def of_units(scores: pd.DataFrame, units: set[str]) -> pd.DataFrame:
    """The rows of these units, sorted."""
    kept = scores[scores["unit"].isin(units)]
    return kept.sort_values(["metric", "unit"]).reset_index(drop=True)
