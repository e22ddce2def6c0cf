"""What a tracker is told of a run: one tracked run per cell, from what is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from bench.runs.jobs import Cell
from bench.runs.store import Store

Curve = tuple[tuple[int, float], ...]
"""Step and value, ascending."""


@dataclass(frozen=True)
class TrackedRun:
    """A finished cell as trackers know runs.

    Attributes:
        key: of the cell: the same result is the same run, whenever it is logged.
        name: BASELINE/ENCODER/SEED, as in ``bench show``.
        group: TASK-DATASET: what may be compared.
        simulated: whether its data are.
        options: every option by ``component.option``, and what the cell is.
        metrics: mean over queries, by name.
        curves: of training (``train_loss``, ``valid`` by epoch) and of pretraining (``pretrain/…`` by step).
    """

    key: str
    name: str
    group: str
    simulated: bool
    options: Mapping[str, str | int | float | bool]
    metrics: Mapping[str, float]
    curves: Mapping[str, Curve] = field(default_factory=dict)


def tracked_runs(cells: Sequence[Cell], simulated: Mapping[str, bool], store: Store) -> list[TrackedRun]:
    """The finished ones of these cells; each once, for a reference has one cell for all seeds.

    Args:
        cells: of a plan.
        simulated: by dataset.
        store: of the results.
    """
    found: dict[str, TrackedRun] = {}
    for cell in cells:
        job = cell.jobs[-1]
        record = store.read(job.kind, job.key)
        if record is None or record.get("status") != "done" or job.key in found:
            continue
        config = record["config"]
        seed = config["seed"]
        options: dict[str, str | int | float | bool] = {"dataset": cell.dataset, "seed": seed}
        options["corpus"] = config["corpus"]["fingerprint"]
        for kind in ("task", "baseline", "encoder"):
            options[kind] = config[kind]["name"]
            options |= {f"{kind}.{name}": value for name, value in config[kind]["options"].items()}
        curves = _curves(store, cell)
        found[job.key] = TrackedRun(
            job.key,
            f"{cell.baseline}/{cell.encoder}/{seed}",
            f"{config['task']['name']}-{cell.dataset}",
            simulated[cell.dataset],
            options,
            {**record["metrics"], "seconds": float(record["seconds"])},
            curves,
        )
    return list(found.values())


def _curves(store: Store, cell: Cell) -> dict[str, Curve]:
    """The curves of a cell and of the pretraining that it takes its vectors from."""
    curves: dict[str, Curve] = {}
    for job in cell.jobs:
        file = store.folder(job.kind, job.key) / "curve.parquet"
        if job.kind not in ("cells", "encoders") or not file.exists():
            continue
        frame = pd.read_parquet(file)
        axis = next((name for name in ("epoch", "step") if name in frame), None)
        if axis is None:
            continue
        for name in frame.columns.drop(axis):
            known = frame[[axis, name]].dropna()
            title = name if job.kind == "cells" else f"pretrain/{name}"
            curves[title] = tuple(
                zip(known[axis].astype(int).tolist(), known[name].astype(float).tolist(), strict=True)
            )
    return {name: curve for name, curve in curves.items() if curve}
