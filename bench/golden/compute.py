"""The gate's grid: its plan, its run, and the tables of its results."""

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
from bench.runs.jobs import Job
from bench.runs.plan import Plan, RunRequest, distinct_jobs, make_plan
from bench.runs.provenance import machine, versions
from bench.runs.store import Store
from bench.stats.regression import Number, Place


@dataclass(frozen=True)
class PlannedTable:
    """A table of the gate, and the plan of its cells."""

    table: GateTable
    plan: Plan


def plan_gate(
    gate: Gate, registry: Registry, store: Store, corpus_progress: Callable[[str], Progress] = lambda _: silent
) -> list[PlannedTable]:
    """The plan of every table, with names and options checked and corpora made.

    Cells are always planned for the CPU, since results on a GPU are not deterministic.

    Args:
        gate: the gate.
        registry: finds the components.
        store: where corpora and results are.
        corpus_progress: from a corpus's title to what is called with the progress of making it.

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
    """The jobs of all tables, without repetition."""
    return distinct_jobs(cell for table in planned for cell in table.plan.cells)


def tables_of(planned: Sequence[PlannedTable], store: Store, command: str) -> list[GoldenTable]:
    """The tables of a grid that has been run.

    Args:
        planned: the planned tables.
        store: where the results are.
        command: the command that computes the tables again.

    Returns:
        the tables; a number of a failed cell is None.
    """
    return [_table(table, store, command) for table in planned]


def failures(planned: Sequence[PlannedTable], store: Store) -> list[str]:
    """One line per failed cell."""
    records = [store.read("cells", cell.key) or {} for table in planned for cell in table.plan.cells]
    return [f"FAILED {r['title']}: {r['error']}" for r in records if r.get("status") == "failed"]


def _table(planned: PlannedTable, store: Store, command: str) -> GoldenTable:
    table, plan = planned.table, planned.plan
    numbers: dict[Place, Number] = {}
    for row in summarise(results_of(plan.cells, store), plan.primary, REFERENCE):
        key = (table.name, f"{row.baseline} / {row.encoder}", row.metric)
        if row.mean is None:
            numbers[key] = Number(None)
        elif math.isfinite(row.mean):  # an undefined metric, such as an AUC of one class, has no number
            error = row.std / math.sqrt(row.seeds) if row.std is not None else None
            numbers[key] = Number(row.mean, error)
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
    """The resolved options of every component of a plan, by kind and name."""
    configs = [cell.jobs[-1].config for cell in plan.cells]
    return {
        f"{kind} {config[kind]['name']}": config[kind]["options"]
        for config in configs
        for kind in ("task", "baseline", "encoder")
        if config[kind]["options"]
    }


def _dataset(name: str, folder: Path) -> str:
    """A dataset of ``gate.toml``; the folder of a corpus is relative to that file."""
    return str(folder / name) if "/" in name or name.startswith(".") else name
