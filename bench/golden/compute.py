"""The gate's grid, planned, run, and made into tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.evaluation.summary import results_of, summarise
from bench.golden.gate import Gate, GateTable
from bench.golden.tables import GoldenTable
from bench.plugins.registry import Registry
from bench.plugins.specs import REFERENCE
from bench.progress import Progress, silent
from bench.runs.failures import failure_lines
from bench.runs.jobs import Job
from bench.runs.plan import Plan, RunRequest, distinct_jobs, make_plan
from bench.runs.provenance import machine, versions
from bench.runs.store import Store
from bench.stats.regression import Number, Place


@dataclass(frozen=True)
class PlannedTable:
    """A table of the gate and its cells."""

    table: GateTable
    plan: Plan


def plan_gate(
    gate: Gate, registry: Registry, store: Store, corpus_progress: Callable[[str], Progress] = lambda _: silent
) -> list[PlannedTable]:
    """Checks every name and option of the gate and makes its corpora. Always on the CPU: a GPU isn't deterministic.

    Raises:
        BenchError: see :func:`bench.runs.plan.make_plan`.
    """
    planned = []
    for table in gate.tables:
        request = RunRequest(
            task=table.task,
            encoders=table.encoders,
            baselines=table.baselines,
            datasets=(_dataset(table.dataset, gate.folder),),
            seeds=table.seeds,
            settings=table.settings,
            device="cpu",
        )
        planned.append(PlannedTable(table, make_plan(request, registry, store, corpus_progress)))
    return planned


def jobs_of(planned: Sequence[PlannedTable]) -> list[Job]:
    """Every job of the grid, those that tables share once."""
    return distinct_jobs(cell for one in planned for cell in one.plan.cells)


def tables_of(planned: Sequence[PlannedTable], store: Store, command: str) -> list[GoldenTable]:
    """The tables of a grid that has been run; in them a cell that failed is None."""
    return [_table(one, store, command) for one in planned]


def failures(planned: Sequence[PlannedTable], store: Store) -> list[str]:
    """One line for all cells that failed alike."""
    records = [(cell, store.read("cells", cell.key) or {}) for one in planned for cell in one.plan.cells]
    return failure_lines((cell, record) for cell, record in records if record.get("status") == "failed")


def _table(planned: PlannedTable, store: Store, command: str) -> GoldenTable:
    table, plan = planned.table, planned.plan
    numbers: dict[Place, Number] = {}
    for row in summarise(results_of(plan.cells, store), plan.primary, REFERENCE):
        place = (table.name, f"{row.baseline} / {row.encoder}", row.metric)
        if row.mean is None:
            numbers[place] = Number(None)
        elif math.isfinite(row.mean):  # a metric may be undefined, such as an AUC with one class; then it isn't there
            error = row.std / math.sqrt(row.seeds) if row.std is not None else None
            numbers[place] = Number(row.mean, error)
    (corpus,) = plan.corpora.values()
    return GoldenTable(
        name=table.name,
        command=command,
        configuration={
            "task": table.task,
            "dataset": table.dataset,
            "baselines": list(table.baselines),
            "encoders": list(table.encoders),
            "seeds": table.seeds,
            "settings": list(table.settings),
            "options": _options(plan),
        },
        corpus={
            "label": corpus.info.label,
            "fingerprint": corpus.info.fingerprint,
            "options": corpus.info.source.get("options", {}),
        },
        machine=machine(),
        versions=versions(),
        numbers=numbers,
    )


def _options(plan: Plan) -> dict[str, dict[str, Any]]:
    configs = [cell.jobs[-1].config for cell in plan.cells]
    return {
        f"{kind} {config[kind]['name']}": config[kind]["options"]
        for config in configs
        for kind in ("task", "baseline", "encoder")
        if config[kind]["options"]
    }


def _dataset(name: str, folder: Path) -> str:
    """A folder in ``gate.toml`` is meant from where that file stands."""
    return str(folder / name) if "/" in name or name.startswith(".") else name
