"""Stored results by other metrics, cut-offs and slices: computed from predictions and tested as all others are.

Each question, a metric on a slice, is a part of its own over the same cells. One family holds all that was asked: on
every question, dataset and baseline, each encoder against the reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.errors import BenchError
from bench.evaluation.experiment import Part
from bench.evaluation.rankings import Answers
from bench.evaluation.rescoring import Metric, metric_of, scores_of_cells
from bench.evaluation.slices import ALL, Slice, slices_of
from bench.evaluation.stored import Place, Status
from bench.evaluation.summary import part_of_run
from bench.evaluation.system import Classified, System
from bench.evaluation.tests import Results
from bench.evaluation.units import Units
from bench.metrics.classification import WeightedMetric
from bench.plugins.registry import Registry
from bench.plugins.specs import REFERENCE, TaskSpec
from bench.stats.examples import Examples
from bench.stats.family import Family, Hypothesis
from bench.stats.groups import RankGroups
from bench.stats.outcome import Outcome
from bench.stats.users import Users

FAMILY = "score"
"""Name of the family of all that was asked."""


@dataclass(frozen=True)
class Question:
    """A metric on a slice of a part.

    Attributes:
        part: id of the part whose cells are asked about.
        metric: what is computed.
        slice: of which units.
    """

    part: str
    metric: Metric
    slice: Slice

    @property
    def label(self) -> str:
        """Its name among parts, and that of its metric."""
        return f"{self.part}: {self.metric.name} on {self.slice.name}"


@dataclass(frozen=True, eq=False)
class SlicedSystem(System):
    """Some units of a system.

    Attributes:
        rows: (n,) their places in the whole system.
        whole: the whole system.
        left_out: units of the slice that the metric is not defined for.
    """

    rows: NDArray[np.int64]
    whole: System
    left_out: int = 0


@dataclass(frozen=True)
class _Answer:
    """The systems of a question, one for each corpus; without any, ``reason`` says why."""

    systems: tuple[SlicedSystem, ...] = ()
    reason: str = ""


class Rescored(Results):
    """Results by metrics and slices that are asked for now.

    Args:
        source: the stored results.
        asked: metrics of each part, by its id.
        slices: of all parts.
        tasks: of each part: knows what its units are.
    """

    def __init__(
        self,
        source: Results,
        asked: Mapping[str, Sequence[Metric]],
        slices: Sequence[Slice],
        tasks: Mapping[str, TaskSpec],
    ) -> None:
        self.source, self.asked, self.tasks = source, asked, tasks
        questions = [Question(part, metric, one) for part in asked for one in slices for metric in asked[part]]
        self.questions = {question.label: question for question in questions}
        family = Family(FAMILY, tuple(h for question in questions for h in self._hypotheses(question)))
        experiment = replace(source.experiment, families=(family,) if len(family) else (), family_parts={})
        cells = {label: source.cells[question.part] for label, question in self.questions.items()}
        super().__init__(experiment, {**source.cells, **cells}, source.store)
        self._answers: dict[Place, _Answer] = {}
        self._values: dict[tuple[str, ...], dict[str, NDArray[np.float64] | str]] = {}
        self._units: dict[tuple[str, int], Units] = {}
        self._masks: dict[tuple[str, str, int], NDArray[np.bool_]] = {}
        self._subsets: dict[tuple[int, bytes], Examples] = {}

    def status(self, part: str, dataset: str, baseline: str, encoder: str) -> Status:
        """That of the stored results; ``missing``, and why, where they cannot answer a question."""
        question = self.questions.get(part)
        stored = self.source.status(part if question is None else question.part, dataset, baseline, encoder)
        if question is None or stored.state != "done":
            return stored
        reason = self._answer((part, dataset, baseline, encoder)).reason
        return Status("missing", reason) if reason else stored

    def systems(self, place: Place) -> tuple[System, ...]:
        """All seeds of a system on the units of a question, corpus by corpus; empty where it has no answer."""
        return self._answer(place).systems if place[0] in self.questions else self.source.systems(place)

    def left_out(self, part: str, dataset: str, baseline: str, encoder: str) -> int | None:
        """How many units of the slice the metric is not defined for; None without an answer."""
        answer = self._answer((part, dataset, baseline, encoder))
        return sum(system.left_out for system in answer.systems) if answer.systems else None

    def pooled(self, part: str, dataset: str, baseline: str, encoder: str) -> dict[str, NDArray[np.float64]]:
        """A pooled metric on the units of a question, (S,); that of the whole test split for a part that is none."""
        if part not in self.questions:
            return self.source.pooled(part, dataset, baseline, encoder)
        values = []
        for system in self._answer((part, dataset, baseline, encoder)).systems:
            weighted = None if system.values else self._weighted(system, part)
            if weighted is None:
                return {}
            values.append(weighted(np.ones((1, len(system.examples.users))))[0])
        return {part: np.concatenate(values)} if values else {}

    def predictions(self, system: System) -> Classified:
        """The predictions of a classifier, for the units of a system."""
        if not isinstance(system, SlicedSystem):
            return self.source.predictions(system)
        every = self.source.predictions(system.whole)
        return Classified(
            every.truth[system.rows], every.predicted[:, system.rows], every.probabilities[:, system.rows]
        )

    def groups(self, part: str, dataset: str, baseline: str, encoders: Sequence[str], metric: str) -> RankGroups:
        """No groups: they are of what was declared before the run."""
        return RankGroups()

    def outcome(self, part: str, dataset: str, baseline: str, encoder: str, metric: str) -> Outcome | None:
        """The outcome of a question against the reference."""
        return self._by_place.get((part, dataset, baseline, encoder))

    def warnings(self) -> list[str]:
        """Those of the stored results."""
        return self.source.warnings()

    @cached_property
    def _by_place(self) -> dict[tuple[str, ...], Outcome]:
        tested = self.outcomes().get(FAMILY, [])
        hypotheses = [(outcome.hypothesis, outcome) for outcome in tested]
        return {(h.metric, h.dataset, h.baseline, h.encoder): outcome for h, outcome in hypotheses}

    def _hypotheses(self, question: Question) -> list[Hypothesis]:
        cells = self.source.cells[question.part]
        places = dict.fromkeys((c.task, c.dataset, c.baseline, c.encoder) for c in cells if c.encoder != REFERENCE)
        return [Hypothesis(*place, REFERENCE, question.label) for place in places]

    def _part_of(self, family: str, hypothesis: Hypothesis) -> str:
        return hypothesis.metric

    def _weighted(self, system: System, metric: str) -> WeightedMetric | None:
        return super()._weighted(system, self.questions[metric].metric.name)

    def _answer(self, place: Place) -> _Answer:
        if place not in self._answers:
            self._answers[place] = self._answered(self.questions[place[0]], place)
        return self._answers[place]

    def _answered(self, question: Question, place: Place) -> _Answer:
        source: Place = (question.part, *place[1:])
        corpora = {cell.corpus_seed: cell.jobs[-1].corpus for cell in self.source.planned(*source)}
        systems = []
        for system, folder in zip(self.source.systems(source), corpora.values(), strict=False):
            held = self._held(question, system, folder)
            if not held.any():
                return _Answer(reason="no unit of the test split is in it")
            values: dict[str, NDArray[np.float64]] = {}
            if question.metric.name not in self.source.pooled(*source):
                known = self._scored(question.part, system, folder)
                scored = known.get(question.metric.name, "the stored results have no such metric")
                if isinstance(scored, str):
                    return _Answer(reason=scored)
                values[question.label] = scored
            defined = held & np.all([~np.isnan(one).any(0) for one in values.values()] or [held], axis=0)
            if not defined.any():
                return _Answer(reason="is not defined for any unit in it")
            rows = np.flatnonzero(defined)
            systems.append(
                SlicedSystem(
                    {label: one[:, rows] for label, one in values.items()},
                    self._subset(system.examples, rows),
                    system.seeds,
                    system.cells,
                    rows,
                    system,
                    int(held.sum()) - len(rows),
                )
            )
        return _Answer(tuple(systems))

    def _held(self, question: Question, system: System, folder: str) -> NDArray[np.bool_]:
        """(Q,) which units of a system are in the slice."""
        if question.slice.name == ALL:
            return np.ones(len(system.examples.query), dtype=bool)
        name = (question.slice.name, folder, id(system.examples))
        if name not in self._masks:
            self._masks[name] = question.slice.definition.holds(self._units_of(question.part, system, folder))
        return self._masks[name]

    def _units_of(self, part: str, system: System, folder: str) -> Units:
        name = (folder, id(system.examples))
        if name not in self._units:
            whole = self.tasks[part].units == "sessions"
            self._units[name] = Units.of(Corpus(folder), system.examples.query, whole)
        return self._units[name]

    def _scored(self, part: str, system: System, folder: str) -> dict[str, NDArray[np.float64] | str]:
        """Every metric of a part, (S, Q) of all units of a system; or why it cannot be had."""
        keys = (part, *(cell.name for cell in system.cells))
        if keys not in self._values:

            def answers() -> Answers:
                return self._units_of(part, system, folder).next_words

            self._values[keys] = scores_of_cells(system, self.asked[part], answers, self.tasks[part])
        return self._values[keys]

    def _subset(self, examples: Examples, rows: NDArray[np.int64]) -> Examples:
        """Some of the examples; the same object for all systems that were scored on the same."""
        name = (id(examples), rows.tobytes())
        if name not in self._subsets:
            users = Users.of(examples.users.labels[examples.users.code[rows]])
            candidates = None if examples.candidates is None else examples.candidates[rows]
            self._subsets[name] = Examples(examples.query[rows], users, candidates, np.arange(len(rows)))
        return self._subsets[name]


def rescore(source: Results, metrics: Sequence[str], slices: Sequence[str], registry: Registry) -> Rescored:
    """Stored results by other metrics on slices of the test split.

    Args:
        source: of an experiment, or of a run (:func:`bench.evaluation.summary.results_of`).
        metrics: names, of the tasks' own metrics or of measures; a part whose task does not know one goes without it.
            Without any, each part's primary metric.
        slices: names; the whole test split stands before them.
        registry: of components.

    Raises:
        BenchError: no task of the experiment knows the metric, or no slice is called so.
    """
    if not source.experiment.parts:
        (part,) = (
            part_of_run(source, [registry.get("task", cells[0].task).primary]) for cells in source.cells.values()
        )
        source.experiment = replace(source.experiment, parts=(part,))
    chosen = slices_of(slices)
    tasks: dict[str, TaskSpec] = {part.id: registry.get("task", part.task) for part in source.experiment.parts}
    asked: dict[str, dict[str, Metric]] = {part: {} for part in tasks}
    reported = {part.id: _reported(source, part, tasks[part.id]) for part in source.experiment.parts}
    for part in source.experiment.parts if not metrics else ():
        asked[part.id][part.metrics[0]] = metric_of(part.metrics[0], reported[part.id])
    for text in metrics:
        unknown: list[BenchError] = []
        for name in tasks:
            try:
                metric = metric_of(text, reported[name])
                asked[name][metric.name] = metric
            except BenchError as error:
                unknown.append(error)
        if len(unknown) == len(tasks):
            raise unknown[0]
    return Rescored(source, {part: list(of.values()) for part, of in asked.items() if of}, chosen, tasks)


def _reported(source: Results, part: Part, task: TaskSpec) -> list[str]:
    """The metrics that a task says it reports, and those that its cells have."""
    systems = dict.fromkeys((cell.dataset, cell.baseline, cell.encoder) for cell in source.cells[part.id])
    stored = next(filter(None, (source.metrics(part.id, *system) for system in systems)), [])
    return list(dict.fromkeys([*task.metrics, task.primary, *stored]))
