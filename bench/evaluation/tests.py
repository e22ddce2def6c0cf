"""What came out of an experiment: stored results, and the declared hypotheses tested on them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.evaluation.experiment import Experiment
from bench.evaluation.stored import Place, StoredResults
from bench.evaluation.system import System
from bench.metrics.classification import WeightedMetric, weighted_metric
from bench.plugins.specs import REFERENCE
from bench.runs.jobs import Cell
from bench.runs.store import Store
from bench.stats.banerjee import FEWEST_SEEDS
from bench.stats.crossed import Difference, crossed_difference, crossed_sums
from bench.stats.examples import Pair
from bench.stats.family import STRONGEST, Family, Hypothesis, strongest_on_validation
from bench.stats.groups import RankGroups, rank_groups
from bench.stats.joint import Joint
from bench.stats.nested import Replicates, nested_difference
from bench.stats.outcome import Compared, Outcome, evaluate
from bench.stats.pooled import pooled_difference


class Results(StoredResults):
    """Stored results and what is tested on them; every test is done once, when it is first asked for.

    Args:
        experiment, cells, store: see :class:`bench.evaluation.stored.StoredResults`.
    """

    def __init__(self, experiment: Experiment, cells: Mapping[str, Sequence[Cell]], store: Store) -> None:
        super().__init__(experiment, cells, store)
        self._differences: dict[tuple[Place, str, str], Difference | None] = {}
        self._ranked: dict[tuple[str, str, str, tuple[str, ...], str], RankGroups] = {}
        self._intervals: dict[tuple[Place, str], Difference | None] = {}

    def strongest(self, part: str, dataset: str, baseline: str) -> str | None:
        """The strongest encoder of a part on validation, champion and reference aside; None where one lacks a seed."""
        values = {name: self.validation(part, dataset, baseline, name) for name in self.encoders(part)}
        lacking = any(len(of_seeds) < self.experiment.models for of_seeds in values.values())
        return None if lacking else strongest_on_validation(values, self.experiment.champion, REFERENCE)

    def interval(self, part: str, dataset: str, baseline: str, encoder: str, metric: str) -> Difference | None:
        """The mean of a system with its interval over users and seeds, for a metric per unit; or over corpora."""
        name = ((part, dataset, baseline, encoder), metric)
        if name not in self._intervals:
            scores = self.scores(*name[0], metric)
            self._intervals[name] = crossed_difference(scores.values, scores.examples.users) if scores else None
            if self.corpus_seeds(*name[0]):
                replicates = self._replicates(name[0], self.seed_values(*name[0], metric))
                self._intervals[name] = nested_difference(replicates) if replicates is not None else None
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
            elif isinstance(compared, Replicates):
                compared = nested_difference(compared)
            self._differences[name] = compared
        return self._differences[name]

    @cached_property
    def _outcomes(self) -> dict[str, list[Outcome]]:
        return {family.name: self._evaluate(family) for family in self.experiment.families}

    def groups(self, part: str, dataset: str, baseline: str, encoders: Sequence[str], metric: str) -> RankGroups:
        """The rank groups of these encoders; none, and why, with fewer than five seeds.

        What has no result, or was scored on other seeds than most, is left out and named.

        Raises:
            BenchError: two of them were scored on different examples.
        """
        name = (part, dataset, baseline, tuple(encoders), metric)
        if name not in self._ranked:
            self._ranked[name] = self._rank(part, dataset, baseline, encoders, metric)
        return self._ranked[name]

    def _rank(self, part: str, dataset: str, baseline: str, encoders: Sequence[str], metric: str) -> RankGroups:
        planned = [encoder for encoder in encoders if self.planned(part, dataset, baseline, encoder)]
        if len(planned) < 2:
            return RankGroups()
        if any(self.corpus_seeds(part, dataset, baseline, encoder) for encoder in planned):
            return RankGroups(note="No rank groups: they are of systems on one corpus, and corpora are the replicates.")
        systems = {name: self.system((part, dataset, baseline, name)) for name in planned}
        there = {name: system for name, system in systems.items() if system is not None}
        out = [f"{name} ({self.status(part, dataset, baseline, name).state})" for name in planned if name not in there]
        seeds = Counter(tuple(sorted(system.seeds)) for system in there.values()).most_common(1)
        common = seeds[0][0] if seeds else ()
        out += [f"{name} (other seeds)" for name, system in there.items() if tuple(sorted(system.seeds)) != common]
        there = {name: system for name, system in there.items() if tuple(sorted(system.seeds)) == common}
        left_out = f"Not in the groups of {dataset} {baseline}: {', '.join(out)}." if out else ""
        if len(there) < 2:
            return RankGroups(note=left_out)
        if len(common) < FEWEST_SEEDS:
            are = f"{'is' if len(common) == 1 else 'are'} {len(common)}"
            return RankGroups(note=f"No rank groups: they need {FEWEST_SEEDS} seeds, and there {are}.")
        if len(next(iter(there.values())).examples.users) < 2:
            return RankGroups(note="No rank groups: they need two users, and there is one.")
        joint = self._joint(part, dataset, baseline, there, metric)
        return RankGroups(note=left_out) if joint is None else rank_groups(joint, note=left_out)

    def _joint(
        self, part: str, dataset: str, baseline: str, systems: Mapping[str, System], metric: str
    ) -> Joint | None:
        scores = {name: self.scores(part, dataset, baseline, name, metric) for name in systems}
        known = {name: one for name, one in scores.items() if one is not None}
        if len(known) == len(systems):
            return Joint.of(known)
        lead = next(iter(systems.values()))
        weighted: dict[str, WeightedMetric] = {}
        for name, system in systems.items():
            system.examples.assert_same(lead.examples, f"{dataset} {baseline}: {name}")
            one = self._weighted(system, metric) if metric in self.pooled(part, dataset, baseline, name) else None
            if one is None:
                return None
            weighted[name] = one
        return Joint.pooled(weighted, lead.examples.users)

    def outcomes(self) -> dict[str, list[Outcome]]:
        """Every declared family, tested; STRONGEST is the name that validation chose."""
        return self._outcomes

    def outcome(self, part: str, dataset: str, baseline: str, encoder: str, metric: str) -> Outcome | None:
        """The outcome against the reference in the part's primary or secondary family."""
        return self._protocol[0].get((part, dataset, baseline, encoder, metric))

    def against_strongest(self, part: str, dataset: str, baseline: str, encoder: str, metric: str) -> Outcome | None:
        """The outcome of the champion against the strongest other encoder, in the same families; else None."""
        return self._protocol[1].get((part, dataset, baseline, encoder, metric))

    @cached_property
    def _protocol(self) -> tuple[dict[tuple[str, ...], Outcome], dict[tuple[str, ...], Outcome]]:
        """Outcomes of the protocol's families: against the reference, and against the strongest other encoder."""
        to_reference: dict[tuple[str, ...], Outcome] = {}
        to_strongest: dict[tuple[str, ...], Outcome] = {}
        for part in self.cells:
            for family in (f"{part} primary", f"{part} secondary"):
                for outcome in self.outcomes().get(family, []):
                    h = outcome.hypothesis
                    place = (part, h.dataset, h.baseline, h.encoder, h.metric)
                    (to_reference if h.reference == REFERENCE else to_strongest)[place] = outcome
        return to_reference, to_strongest

    def _compare(self, place: Place, reference: str, metric: str) -> Compared | None:
        part, dataset, baseline, encoder = place
        other: Place = (part, dataset, baseline, reference)
        if self.corpus_seeds(*place):
            return self._compare_corpora(place, other, metric)
        mine, theirs = self.scores(*place, metric), self.scores(*other, metric)
        if mine is not None and theirs is not None:
            return Pair.of(mine, theirs, dataset, where=f"{dataset} {baseline}: {encoder} and {reference}")
        system, referred = self.system(place), self.system(other)
        if system is None or referred is None or metric not in self.pooled(*place):
            return None
        return self._pooled_difference(system, referred, metric, f"{dataset} {baseline}: {encoder} and {reference}")

    def _compare_corpora(self, place: Place, other: Place, metric: str) -> Replicates | None:
        """The difference on each corpus, of a pooled metric's values as well; None where either is not done."""
        mine, theirs = self.systems(place), self.systems(other)
        if not (mine and theirs):
            return None
        where = f"{place[1]} {place[2]}: {place[3]} and {other[3]}"
        both = list(zip(mine, theirs, strict=True))
        if all(metric in system.values for system in (*mine, *theirs)):
            return Replicates.of([Pair.of(one.scores(metric), two.scores(metric), where=where) for one, two in both])
        for one, two in both:
            one.examples.assert_same(two.examples, where)
        values, others = self.seed_values(*place, metric), self.seed_values(*other, metric)  # (C,)
        return self._replicates(place, values - others) if len(values) and len(others) else None

    def _replicates(self, place: Place, values: NDArray[np.float64]) -> Replicates | None:
        """A number of each corpus, with the models, users and queries behind it; None where one is not defined."""
        users, queries = self.sizes(*place) or (0, 0)
        if not len(values) or not np.isfinite(values).all():
            return None
        return Replicates(values, len(self.planned(*place)), users, queries)

    def _pooled_difference(self, system: System, reference: System, metric: str, where: str) -> Difference | None:
        system.examples.assert_same(reference.examples, where)
        mine, theirs = self._weighted(system, metric), self._weighted(reference, metric)
        if mine is None or theirs is None:
            return None
        try:
            return pooled_difference(mine, theirs, system.examples.users)
        except ValueError:  # not defined on these examples
            return None

    def _weighted(self, system: System, metric: str) -> WeightedMetric | None:
        classified = self.predictions(system)
        user = system.examples.users.code
        return weighted_metric(metric, classified.truth, classified.predicted, classified.probabilities, user)

    def _evaluate(self, family: Family) -> list[Outcome]:
        part_of = {h: self._part_of(family.name, h) for h in family.hypotheses}
        wanted = {(h.task, h.dataset, h.baseline): part_of[h] for h in family.hypotheses if h.reference == STRONGEST}
        chosen = {place: self.strongest(part, *place[1:]) for place, part in wanted.items()}
        resolved = family.resolve({place: name for place, name in chosen.items() if name is not None})
        comparisons: dict[Hypothesis, Compared] = {}
        for h in resolved.hypotheses:
            part = self._part_of(family.name, h)
            compared = self._compare((part, h.dataset, h.baseline, h.encoder), h.reference, h.metric)
            if compared is not None and not (isinstance(compared, Difference) and not math.isfinite(compared.delta)):
                comparisons[h] = compared
        return evaluate(resolved, comparisons)

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
