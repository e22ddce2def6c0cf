"""Results of an experiment as they are stored: statuses, scores, predictions; every file is read once, when needed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.evaluation.experiment import Experiment
from bench.evaluation.system import Classified, System, pooled_values, read_classified, read_system, read_validation
from bench.evaluation.units import in_test_split
from bench.runs.failures import failure_lines
from bench.runs.jobs import Cell
from bench.runs.store import Store
from bench.stats.examples import Examples, Scores

Place = tuple[str, str, str, str]
"""Part, dataset, baseline, encoder."""


@dataclass(frozen=True)
class Status:
    """Whether a system has results.

    Attributes:
        state: ``done`` where every seed is, ``failed`` where some seed failed, else ``missing``.
        reason: why it failed, of the first seed that did; which corpora have no result, where they are replicates.
    """

    state: Literal["done", "failed", "missing"]
    reason: str = ""


class StoredResults:
    """Results of an experiment; every file is read once, when it is first needed.

    Args:
        experiment: what was declared.
        cells: planned cells of each part, by its id (:class:`bench.evaluation.grid.ExperimentPlan`).
        store: where results are; it may hold all, some or none of them.
    """

    def __init__(self, experiment: Experiment, cells: Mapping[str, Sequence[Cell]], store: Store) -> None:
        self.experiment, self.cells, self.store = experiment, cells, store
        groups: dict[Place, list[Cell]] = {}
        for part, planned in cells.items():
            for cell in planned:
                groups.setdefault((part, cell.dataset, cell.baseline, cell.encoder), []).append(cell)
        self._groups = {
            place: tuple(sorted(group, key=lambda cell: (cell.corpus_seed or 0, cell.seed)))
            for place, group in groups.items()
        }
        self._records: dict[str, dict[str, Any] | None] = {}
        self._systems: dict[tuple[str, ...], System] = {}
        self._examples: dict[tuple[str, str, int | None], list[Examples]] = {}
        self._classified: dict[tuple[str, ...], Classified] = {}
        self._in_test_split: dict[tuple[str, bool], int] = {}

    def encoders(self, part: str) -> list[str]:
        """Encoders of a part in the order of the plan, the reference among them."""
        return list(dict.fromkeys(place[3] for place in self._groups if place[0] == part))

    def planned(self, part: str, dataset: str, baseline: str, encoder: str) -> tuple[Cell, ...]:
        """The cells of a system, by corpus and seed; empty where it isn't part of the plan."""
        return self._groups.get((part, dataset, baseline, encoder), ())

    def status(self, part: str, dataset: str, baseline: str, encoder: str) -> Status:
        """Whether all seeds of a system are done, and if one failed, why."""
        cells = self.planned(part, dataset, baseline, encoder)
        records = [self._record(cell.key) for cell in cells]
        failed = next((record for record in records if record is not None and record["status"] != "done"), None)
        absent = dict.fromkeys(
            f"corpus {cell.corpus_seed}"
            for cell, record in zip(cells, records, strict=True)
            if cell.corpus_seed is not None and (record is None or record["status"] != "done")
        )
        without = f"no result on {', '.join(absent)}" if absent else ""
        if failed is not None:
            return Status("failed", ": ".join(filter(None, (without, str(failed.get("error", ""))))))
        return Status("done" if cells and None not in records else "missing", without)

    def scores(self, part: str, dataset: str, baseline: str, encoder: str, metric: str) -> Scores | None:
        """One metric of all seeds, per unit; None where a seed is not done, or the metric is pooled or unknown.

        None as well where corpora are replicates: their units are different ones (:meth:`systems`).

        Raises:
            BenchError: seeds were scored on different examples.
        """
        system = self.system((part, dataset, baseline, encoder))
        if system is None or metric not in system.values:
            return None
        return system.scores(metric)

    def metrics(self, part: str, dataset: str, baseline: str, encoder: str) -> list[str]:
        """Names of a system's metrics, those per unit before pooled ones; empty where a seed is not done."""
        systems = self.systems((part, dataset, baseline, encoder))
        return [*systems[0].values, *self.pooled(part, dataset, baseline, encoder)] if systems else []

    def examples(self, part: str, dataset: str, baseline: str, encoder: str) -> Examples | None:
        """The examples that a system was scored on; None where a seed is not done, or corpora are replicates."""
        system = self.system((part, dataset, baseline, encoder))
        return None if system is None else system.examples

    def sizes(self, part: str, dataset: str, baseline: str, encoder: str) -> tuple[int, int] | None:
        """Users and queries that a system was scored on, in all corpora together; None where a seed is not done."""
        scored = [system.examples for system in self.systems((part, dataset, baseline, encoder))]
        return (sum(len(of.users) for of in scored), sum(len(of.query) for of in scored)) if scored else None

    def unscored(self, part: str, dataset: str, baseline: str, encoder: str, whole: bool) -> int | None:
        """How many queries (or ``whole`` sessions) of the test split a system was not scored on, in all corpora.

        They are those that the task has no example of, such as queries without a click. None where a seed is not done,
        the corpus is gone, or the task has examples that are not of the downstream sample.
        """
        scored = self.sizes(part, dataset, baseline, encoder)
        folders = dict.fromkeys(cell.jobs[-1].corpus for cell in self.planned(part, dataset, baseline, encoder))
        if scored is None or not all((Path(folder) / "corpus.toml").exists() for folder in folders):
            return None
        for folder in folders:
            if (folder, whole) not in self._in_test_split:
                self._in_test_split[folder, whole] = in_test_split(Corpus(folder), whole)
        left = sum(self._in_test_split[folder, whole] for folder in folders) - scored[1]
        return left if left >= 0 else None

    def corpus_seeds(self, part: str, dataset: str, baseline: str, encoder: str) -> tuple[int, ...]:
        """The corpora of a system, where they are the replicates; else empty."""
        seeds = dict.fromkeys(cell.corpus_seed for cell in self.planned(part, dataset, baseline, encoder))
        return tuple(seed for seed in seeds if seed is not None)

    def pooled(self, part: str, dataset: str, baseline: str, encoder: str) -> dict[str, NDArray[np.float64]]:
        """Pooled metrics, (S,) values each; empty where a seed is not done."""
        if self.status(part, dataset, baseline, encoder).state != "done":
            return {}
        cells = self.planned(part, dataset, baseline, encoder)
        return pooled_values([self._record(cell.key) or {} for cell in cells])

    def seed_values(self, part: str, dataset: str, baseline: str, encoder: str, metric: str) -> NDArray[np.float64]:
        """(S,) the metric of each seed: the mean over units, or the pooled value; empty without results.

        Where corpora are replicates (C,): of each corpus, the mean over its seeds.
        """
        systems = self.systems((part, dataset, baseline, encoder))
        if systems and metric in systems[0].values:
            values = np.concatenate([system.values[metric].mean(1) for system in systems])
        else:
            values = self.pooled(part, dataset, baseline, encoder).get(metric, np.empty(0))
        corpora = self.corpus_seeds(part, dataset, baseline, encoder)
        if corpora and len(values):
            values = values.reshape(len(corpora), -1).mean(1)  # (C S,) -> (C,)
        return np.asarray(values, dtype=np.float64)

    def validation(self, part: str, dataset: str, baseline: str, encoder: str) -> list[float]:
        """Per seed that is done, the validation metric of the chosen epoch; NaN where there is none."""
        done = [c for c in self.planned(part, dataset, baseline, encoder) if self.is_done(c)]
        return [read_validation(self.store.folder("cells", cell.key)) for cell in done]

    def origin(self, part: str, dataset: str, baseline: str, encoder: str) -> tuple[str | None, str | None]:
        """Commit and versions of libraries of a system's cells; several are joined, None where no record says them."""
        keys = dict.fromkeys(cell.key for cell in self.planned(part, dataset, baseline, encoder))
        records = [record for key in keys if (record := self._record(key)) is not None]
        commits = dict.fromkeys(str(r["provenance"].get("commit")) for r in records if r.get("provenance"))
        libraries = [r["config"].get("libraries") or {} for r in records if r.get("config")]
        versions = dict.fromkeys(", ".join(f"{n} {v}" for n, v in of.items() if v) for of in libraries)
        return ", ".join(commits) or None, "; ".join(filter(None, versions)) or None

    @cached_property
    def corpora(self) -> dict[str, Corpus]:
        """The corpus of each dataset; the first one where corpora are replicates."""
        folders: dict[str, str] = {}
        for planned in self.cells.values():
            for cell in planned:
                folders.setdefault(cell.dataset, cell.jobs[-1].corpus)
        return {dataset: Corpus(folder) for dataset, folder in folders.items()}

    def is_done(self, cell: Cell) -> bool:
        """Whether a cell has a result that is no failure."""
        return self._state(cell.key) == "done"

    def warnings(self) -> list[str]:
        """The warnings of all cells, no line twice, and a line for all cells that failed alike.

        A warning names the seed where other seeds of its encoder and corpus did without it.
        """
        warned: dict[tuple[str, str, str], dict[tuple[int | None, int], None]] = {}
        everywhere: dict[tuple[str, str], set[tuple[int | None, int]]] = {}
        failed = []
        for cells in self._groups.values():
            for cell in cells:
                record = self._record(cell.key) or {}
                replicate = cell.corpus_seed, cell.seed
                everywhere.setdefault((cell.encoder, cell.dataset), set()).add(replicate)
                for warning in record.get("warnings", []):
                    warned.setdefault((cell.encoder, cell.dataset, warning), {})[replicate] = None
                if record.get("status") == "failed":
                    failed.append((cell, record))
        lines = [
            f"Warning: {encoder} on {dataset}{_seeds_of(found, everywhere[encoder, dataset])}: {warning}"
            for (encoder, dataset, warning), found in warned.items()
        ]
        return [*lines, *failure_lines(failed)]

    def predictions(self, system: System) -> Classified:
        """The predictions of a classifier; its files are read once."""
        keys = tuple(folder.name for folder in system.cells)
        if keys not in self._classified:
            self._classified[keys] = read_classified(system)
        return self._classified[keys]

    def _record(self, key: str) -> dict[str, Any] | None:
        if key not in self._records:
            self._records[key] = self.store.read("cells", key)
        return self._records[key]

    def _state(self, key: str) -> str:
        record = self._record(key)
        return "missing" if record is None else str(record["status"])

    def system(self, place: Place) -> System | None:
        """All seeds of a system; None where one is not done, or where corpora are replicates (:meth:`systems`)."""
        systems = self.systems(place)
        return systems[0] if systems and not self.corpus_seeds(*place) else None

    def systems(self, place: Place) -> tuple[System, ...]:
        """All seeds of a system, corpus by corpus; empty where one is not done."""
        if self.status(*place).state != "done":
            return ()
        cells = self.planned(*place)
        corpora = dict.fromkeys(cell.corpus_seed for cell in cells)
        return tuple(self._read([cell for cell in cells if cell.corpus_seed == corpus]) for corpus in corpora)

    def _read(self, cells: Sequence[Cell]) -> System:
        """The finished cells of a system on one corpus."""
        keys = tuple(cell.key for cell in cells)
        if keys not in self._systems:
            known = self._examples.setdefault((cells[0].task, cells[0].dataset, cells[0].corpus_seed), [])
            system = self._systems[keys] = read_system(cells, self.store, known)
            if all(system.examples is not examples for examples in known):
                known.append(system.examples)
        return self._systems[keys]


def _seeds_of(found: Iterable[tuple[int | None, int]], every: Collection[tuple[int | None, int]]) -> str:
    """``, seed 1``: the seeds of a warning, or the corpora where they are the replicates; nothing where all have it."""
    found = list(found)
    if len(found) == len(every):
        return ""
    numbers = list(dict.fromkeys(seed if corpus is None else corpus for corpus, seed in found))
    noun, plural = ("seed", "seeds") if found[0][0] is None else ("corpus", "corpora")
    return f", {noun if len(numbers) == 1 else plural} {', '.join(map(str, numbers))}"
