"""What came out of an experiment: scores, statuses and tested hypotheses, read from the store when asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.experiments.experiment import Experiment
from bench.experiments.pooled import weighted_metric
from bench.experiments.system import Classified, System, pooled_values, read_classified, read_system, read_validation
from bench.grid.jobs import Cell
from bench.grid.store import Store
from bench.stats.crossed import Difference, crossed_difference, crossed_sums
from bench.stats.examples import Examples, Pair, Scores
from bench.stats.family import STRONGEST, Family, Hypothesis, strongest_on_validation
from bench.stats.outcome import Outcome, evaluate
from bench.stats.pigeonhole import pooled_difference

REFERENCE = "vanilla"
Place = tuple[str, str, str, str]
"""Part, dataset, baseline, encoder."""


@dataclass(frozen=True)
class Status:
    """How far a system is.

    Attributes:
        state: ``done`` where every seed is, ``failed`` where some seed failed, else ``missing``.
        reason: why it failed, of the first seed that did.
    """

    state: Literal["done", "failed", "missing"]
    reason: str = ""


class Results:
    """Results of an experiment; every file is read once, when it is first needed.

    Args:
        experiment: what was declared.
        cells: planned cells of each part, by its id (:class:`bench.experiments.plan.ExperimentPlan`).
        store: where results are; it may hold all, some or none of them.
    """

    def __init__(self, experiment: Experiment, cells: Mapping[str, Sequence[Cell]], store: Store) -> None:
        self.experiment, self.cells, self.store = experiment, cells, store
        groups: dict[Place, list[Cell]] = {}
        for part, planned in cells.items():
            for cell in planned:
                groups.setdefault((part, cell.dataset, cell.baseline, cell.encoder), []).append(cell)
        self._groups = {place: tuple(sorted(group, key=lambda cell: cell.seed)) for place, group in groups.items()}
        self._records: dict[str, dict[str, Any] | None] = {}
        self._systems: dict[tuple[str, ...], System] = {}
        self._examples: dict[tuple[str, str], list[Examples]] = {}
        self._classified: dict[tuple[str, ...], Classified] = {}
        self._differences: dict[tuple[Place, str, str], Difference | None] = {}
        self._intervals: dict[tuple[Place, str], Difference | None] = {}

    def encoders(self, part: str) -> list[str]:
        """Encoders of a part in the order of the plan, the reference among them."""
        return list(dict.fromkeys(place[3] for place in self._groups if place[0] == part))

    def planned(self, part: str, dataset: str, baseline: str, encoder: str) -> tuple[Cell, ...]:
        """The cells of a system, by seed; empty where it isn't part of the plan."""
        return self._groups.get((part, dataset, baseline, encoder), ())

    def status(self, part: str, dataset: str, baseline: str, encoder: str) -> Status:
        """Whether all seeds are done."""
        cells = self.planned(part, dataset, baseline, encoder)
        records = [self._record(cell.key) for cell in cells]
        failed = next((record for record in records if record is not None and record["status"] != "done"), None)
        if failed is not None:
            return Status("failed", str(failed.get("error", "")))
        return Status("done" if cells and None not in records else "missing")

    def scores(self, part: str, dataset: str, baseline: str, encoder: str, metric: str) -> Scores | None:
        """One metric of all seeds, per unit; None where a seed is not done, or the metric is pooled or unknown.

        Raises:
            BenchError: seeds were scored on different examples.
        """
        system = self._system((part, dataset, baseline, encoder))
        if system is None or metric not in system.values:
            return None
        return Scores(system.values[metric], system.examples, system.seeds)

    def metrics(self, part: str, dataset: str, baseline: str, encoder: str) -> list[str]:
        """Its metrics, per unit first, then pooled; empty where a seed is not done."""
        system = self._system((part, dataset, baseline, encoder))
        return [] if system is None else [*system.values, *self.pooled(part, dataset, baseline, encoder)]

    def examples(self, part: str, dataset: str, baseline: str, encoder: str) -> Examples | None:
        """What a system was scored on; None where a seed is not done."""
        system = self._system((part, dataset, baseline, encoder))
        return None if system is None else system.examples

    def pooled(self, part: str, dataset: str, baseline: str, encoder: str) -> dict[str, NDArray[np.float64]]:
        """Pooled metrics, (S,) values each; empty where a seed is not done."""
        if self.status(part, dataset, baseline, encoder).state != "done":
            return {}
        cells = self.planned(part, dataset, baseline, encoder)
        return pooled_values([self._record(cell.key) or {} for cell in cells])

    def seed_values(self, part: str, dataset: str, baseline: str, encoder: str, metric: str) -> NDArray[np.float64]:
        """(S,) the metric of each seed: the mean over units, or the pooled value; empty without results."""
        scores = self.scores(part, dataset, baseline, encoder, metric)
        if scores is not None:
            return scores.values.mean(1)
        return self.pooled(part, dataset, baseline, encoder).get(metric, np.empty(0))

    def validation(self, part: str, dataset: str, baseline: str, encoder: str) -> list[float]:
        """Per seed that is done, the validation metric of the chosen epoch; NaN where there is none."""
        done = [c for c in self.planned(part, dataset, baseline, encoder) if self._state(c.key) == "done"]
        return [read_validation(self.store.folder("cells", cell.key)) for cell in done]

    def strongest(self, part: str, dataset: str, baseline: str) -> str | None:
        """The strongest encoder of a part on validation, champion and reference aside; None where one lacks a seed."""
        found = {name: self.validation(part, dataset, baseline, name) for name in self.encoders(part)}
        short = any(len(values) < self.experiment.seeds for values in found.values())
        return None if short else strongest_on_validation(found, self.experiment.champion, REFERENCE)

    def interval(self, part: str, dataset: str, baseline: str, encoder: str, metric: str) -> Difference | None:
        """The mean of a system with its interval over users and seeds, for a metric per unit."""
        name = ((part, dataset, baseline, encoder), metric)
        if name not in self._intervals:
            scores = self.scores(*name[0], metric)
            self._intervals[name] = crossed_difference(scores.values, scores.examples.users) if scores else None
        return self._intervals[name]

    def difference(
        self, part: str, dataset: str, baseline: str, encoder: str, reference: str, metric: str
    ) -> Difference | None:
        """Two-sided test of encoder minus reference; None where either is not done or the metric can't be tested."""
        name = ((part, dataset, baseline, encoder), reference, metric)
        if name not in self._differences:
            compared = self._compare(*name)
            if isinstance(compared, Pair):
                compared = crossed_sums(compared.sums, compared.users.count)
            self._differences[name] = compared
        return self._differences[name]

    @cached_property
    def _outcomes(self) -> dict[str, list[Outcome]]:
        return {family.name: self._evaluate(family) for family in self.experiment.families}

    def outcomes(self) -> dict[str, list[Outcome]]:
        """Every declared family, tested; STRONGEST is the name that validation chose."""
        return self._outcomes

    def outcome(self, part: str, dataset: str, baseline: str, encoder: str, metric: str) -> Outcome | None:
        """The outcome against the reference in the part's primary or secondary family."""
        return self._against_reference.get((part, dataset, baseline, encoder, metric))

    @cached_property
    def _against_reference(self) -> dict[tuple[str, str, str, str, str], Outcome]:
        found = {}
        for part in self.cells:
            for family in (f"{part} primary", f"{part} secondary"):
                for outcome in self.outcomes().get(family, []):
                    h = outcome.hypothesis
                    if h.reference == REFERENCE:
                        found[part, h.dataset, h.baseline, h.encoder, h.metric] = outcome
        return found

    @cached_property
    def corpora(self) -> dict[str, Corpus]:
        """Corpora by dataset."""
        folders = {cell.dataset: cell.jobs[-1].corpus for planned in self.cells.values() for cell in planned}
        return {dataset: Corpus(folder) for dataset, folder in folders.items()}

    def warnings(self) -> list[str]:
        """What the cells warned of, and one line for each that failed; every line once."""
        lines: dict[str, None] = {}
        for cells in self._groups.values():
            for cell in cells:
                record = self._record(cell.key) or {}
                for warning in record.get("warnings", []):
                    lines[f"Warning: {cell.encoder} on {cell.dataset}: {warning}"] = None
                if record.get("status") == "failed":
                    lines[f"FAILED {cell.jobs[-1].title}: {record.get('error')}  (bench show {cell.key})"] = None
        return list(lines)

    def _record(self, key: str) -> dict[str, Any] | None:
        if key not in self._records:
            self._records[key] = self.store.read("cells", key)
        return self._records[key]

    def _state(self, key: str) -> str:
        return (self._record(key) or {"status": "missing"})["status"]

    def _system(self, place: Place) -> System | None:
        cells = self.planned(*place)
        if self.status(*place).state != "done":
            return None
        keys = tuple(cell.key for cell in cells)
        if keys not in self._systems:
            known = self._examples.setdefault((cells[0].task, cells[0].dataset), [])
            system = self._systems[keys] = read_system(cells, self.store, known)
            if all(system.examples is not examples for examples in known):
                known.append(system.examples)
        return self._systems[keys]

    def _compare(self, place: Place, reference: str, metric: str) -> Pair | Difference | None:
        part, dataset, baseline, encoder = place
        other: Place = (part, dataset, baseline, reference)
        mine, theirs = self.scores(*place, metric), self.scores(*other, metric)
        if mine is not None and theirs is not None:
            return Pair.of(mine, theirs, dataset, where=f"{dataset} {baseline}: {encoder} and {reference}")
        system, referred = self._system(place), self._system(other)
        if system is None or referred is None or metric not in self.pooled(*place):
            return None
        return self._pooled_difference(system, referred, metric, f"{dataset} {baseline}: {encoder} and {reference}")

    def _pooled_difference(self, system: System, reference: System, metric: str, where: str) -> Difference | None:
        system.examples.assert_same(reference.examples, where)
        users = system.examples.users
        of = [weighted_metric(metric, self._predictions(one), users) for one in (system, reference)]
        if of[0] is None or of[1] is None:
            return None
        try:
            return pooled_difference(of[0], of[1], users)
        except ValueError:  # not defined on these examples
            return None

    def _predictions(self, system: System) -> Classified:
        keys = tuple(folder.name for folder in system.cells)
        if keys not in self._classified:
            self._classified[keys] = read_classified(system)
        return self._classified[keys]

    def _evaluate(self, family: Family) -> list[Outcome]:
        part_of = {h: self._part_of(family.name, h) for h in family.hypotheses}
        wanted = {(h.task, h.dataset, h.baseline): part_of[h] for h in family.hypotheses if h.reference == STRONGEST}
        chosen = {place: self.strongest(part, *place[1:]) for place, part in wanted.items()}
        resolved = family.resolve({place: name for place, name in chosen.items() if name is not None})
        found: dict[Hypothesis, Pair | Difference] = {}
        for h in resolved.hypotheses:
            part = self._part_of(family.name, h)
            compared = self._compare((part, h.dataset, h.baseline, h.encoder), h.reference, h.metric)
            if compared is not None and not (isinstance(compared, Difference) and not math.isfinite(compared.delta)):
                found[h] = compared
        return evaluate(resolved, found)

    def _part_of(self, family: str, hypothesis: Hypothesis) -> str:
        """The part that a family is about, or the first one that holds the hypothesis's cells."""
        if family in self.experiment.family_parts:
            return self.experiment.family_parts[family]
        holding: dict[str, set[str]] = {}
        for part, dataset, baseline, encoder in self._groups:
            if (dataset, baseline) == (hypothesis.dataset, hypothesis.baseline):
                holding.setdefault(part, set()).add(encoder)
        wanted = {hypothesis.encoder, hypothesis.reference} - {STRONGEST}
        return next((part for part, encoders in holding.items() if wanted <= encoders), "")
