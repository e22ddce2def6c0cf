"""The grid of an experiment: the cells of every part, those of two parts run once, and what running them would take."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.data.corpus import Corpus
from bench.errors import BenchError, did_you_mean
from bench.evaluation.experiment import Experiment, Part
from bench.evaluation.tests import Results
from bench.plugins.registry import Registry
from bench.plugins.settings import Setting
from bench.plugins.specs import REFERENCE, Spec
from bench.plugins.variants import plain_of, variant_of
from bench.progress import Progress, silent
from bench.runs.corpora import dataset_spec
from bench.runs.jobs import Cell, Job
from bench.runs.plan import RunRequest, distinct_jobs, make_plan, missing_jobs
from bench.runs.store import RECORDS, Store
from bench.stats.family import Family

_ROUGH_SECONDS = {"encoders": 60.0, "embeddings": 5.0, "cells": 25.0}
"""Per job, where nothing of the kind has run yet."""


@dataclass(frozen=True)
class ExperimentPlan:
    """The cells of an experiment, all checked before any of them is computed.

    Attributes:
        experiment: with datasets called as in results (a folder by the name in its ``corpus.toml``), and only the parts
            that were asked for.
        cells: of each part, by its id.
        corpora: by dataset; the first one where corpora are replicates.
    """

    experiment: Experiment
    cells: dict[str, list[Cell]]
    corpora: dict[str, Corpus]

    @property
    def all_cells(self) -> list[Cell]:
        """Every cell once, though it may stand in several parts."""
        return list({cell.key: cell for cells in self.cells.values() for cell in cells}.values())

    @property
    def jobs(self) -> list[Job]:
        """Every job once."""
        return distinct_jobs(self.all_cells)

    def missing(self, store: Store) -> list[Job]:
        """The jobs that have no result yet, failed ones among them."""
        return missing_jobs(self.jobs, store)

    def results(self, store: Store) -> Results:
        """What there is of the results."""
        return Results(self.experiment, self.cells, store)


def plan_experiment(
    experiment: Experiment,
    registry: Registry,
    store: Store,
    parts: Collection[str] = (),
    device: str = "auto",
    corpus_progress: Callable[[str], Progress] = lambda _: silent,
    elsewhere: bool = False,
) -> ExperimentPlan:
    """Plans the cells of an experiment, making the corpora that are missing.

    Args:
        experiment: checked (:func:`bench.evaluation.load.load_experiment`).
        registry: of components.
        store: of corpora and results.
        parts: ids of the parts wanted; all when empty.
        device: ``auto``, ``cpu`` or ``cuda``.
        corpus_progress: from a dataset's name to who is told of its making.
        elsewhere: whether jobs run on other machines, so that this one needs no GPU for theirs.

    Raises:
        BenchError: an unknown part, a corpus that can't be had, or a dataset that is another one in another part.
    """
    known = [part.id for part in experiment.parts]
    for name in parts:
        if name not in known:
            raise BenchError(f"{experiment.name} has no part {name!r}", where="--part", fix=did_you_mean(name, known))
    chosen = [part for part in experiment.parts if not parts or part.id in parts]
    cells: dict[str, list[Cell]] = {}
    corpora: dict[str, Corpus] = {}
    labels: dict[str, str] = {}
    for part in chosen:
        request = RunRequest(
            part.task,
            part.typed_encoders,
            part.baselines,
            part.datasets,
            experiment.seeds,
            [*applying(experiment.settings, part, registry), *part.settings],
            device,
            experiment.corpus_seeds,
            elsewhere,
        )
        plan = make_plan(request, registry, store, corpus_progress)
        cells[part.id] = plan.cells
        labels |= dict(zip(dict.fromkeys(part.datasets), plan.corpora, strict=True))
        for name, corpus in plan.corpora.items():
            if name in corpora and corpora[name].info.fingerprint != corpus.info.fingerprint:
                raise BenchError(
                    f"the dataset {name!r} is another one here than in an earlier part",
                    where=f"{experiment.name}, part {part.id}",
                    fix="put its options into the settings of the whole experiment",
                )
            corpora[name] = corpus
    return ExperimentPlan(_relabelled(experiment, [part.id for part in chosen], labels), cells, corpora)


def applying(settings: Iterable[str], part: Part, registry: Registry) -> list[str]:
    """The settings of an experiment that concern a component of this part."""
    specs = components(part, registry)
    kept = []
    for text in settings:
        setting = Setting.parse(text)
        named = [spec for spec in specs if setting.component in (None, spec.name)]
        if any(setting.component or setting.key in spec.settable for spec in named):
            kept.append(text)
    return kept


def components(part: Part, registry: Registry) -> list[Spec]:
    """Every component that takes part, the reference among them."""
    named = (variant_of(name, registry)[0] for name in (REFERENCE, *part.typed_encoders))
    encoders = {spec.name: spec for spec in (plain_of(spec, registry) for spec in named)}
    datasets = [dataset_spec(name, registry) for name in part.datasets]
    return [
        registry.get("task", part.task),
        *(registry.get("baseline", name) for name in part.baselines),
        *encoders.values(),
        *(spec for spec in datasets if spec is not None),
    ]


def remove_results(plan: ExperimentPlan, store: Store) -> int:
    """Removes the results of this plan's cells, and nothing else; returns how many there were."""
    folders = [store.folder("cells", cell.key) for cell in plan.all_cells]
    there = [folder for folder in folders if folder.exists()]
    for folder in there:
        aside = folder.with_name(f"{folder.name}.removed-{os.getpid()}")  # gone at once, whatever happens next
        folder.rename(aside)
        shutil.rmtree(aside)
    return len(there)


def estimate_seconds(jobs: Sequence[Job], store: Store) -> float:
    """Processor time that these jobs will take, in seconds: that of the finished jobs that are most like them.

    Pretraining is counted by its steps.
    """
    recorded: dict[tuple[str, ...], list[float]] = {}
    for kind, file in RECORDS.items():
        for path in (store.root / kind).glob(f"*/{file}"):
            if "." in path.parent.name:  # being written or removed
                continue
            record = store.peek(kind, path.parent.name)
            if record.get("status") == "done":
                for likeness in _likenesses(kind, record["config"]):
                    recorded.setdefault(likeness, []).append(float(record["seconds"]) / _steps(kind, record["config"]))
    total = 0.0
    for job in jobs:
        alike = next((recorded[name] for name in _likenesses(job.kind, job.config) if name in recorded), None)
        total += _steps(job.kind, job.config) * sum(alike) / len(alike) if alike else _ROUGH_SECONDS[job.kind]
    return total


def _steps(kind: str, config: dict[str, Any]) -> int:
    """Steps of a pretraining; 1 for everything else, and for encoders that take none."""
    return max(int(config["encoder"]["options"].get("steps", 1)), 1) if kind == "encoders" else 1


def _likenesses(kind: str, config: dict[str, Any]) -> list[tuple[str, ...]]:
    """Descriptions of a job, the most specific before more general ones; jobs with an equal one are alike."""
    corpus = str(config["corpus"]["fingerprint"])
    names = [str(config[part]["name"]) if part in config else "" for part in ("task", "baseline", "encoder")]
    options = json.dumps(config["encoder"]["options"], sort_keys=True)
    trained = "trained" if kind == "encoders" and config["encoder"]["options"].get("steps") else ""
    close = [(kind, corpus, *names, options), (kind, corpus, *names), (kind, *names)]
    return [*close, (kind, *names[:2], trained), (kind, trained)]


def _relabelled(experiment: Experiment, parts: Sequence[str], labels: dict[str, str]) -> Experiment:
    """The experiment with these parts only, and datasets under the names that results have."""
    families = [family for family in experiment.families if experiment.family_parts.get(family.name) in parts]
    return replace(
        experiment,
        parts=tuple(
            replace(part, datasets=tuple(labels[name] for name in dict.fromkeys(part.datasets)))
            for part in experiment.parts
            if part.id in parts
        ),
        families=tuple(
            Family(f.name, tuple(replace(h, dataset=labels.get(h.dataset, h.dataset)) for h in f.hypotheses))
            for f in families
        ),
        numbers=tuple(
            replace(n, dataset=labels.get(n.dataset, n.dataset)) for n in experiment.numbers if n.part in parts
        ),
        orderings=tuple(o for o in experiment.orderings if o.part in parts),
    )
