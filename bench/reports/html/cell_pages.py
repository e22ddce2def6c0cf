"""A page per cell: how a number came about, with what options, how long it took, and the command that repeats it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from bench.errors import BenchError
from bench.plugins.registry import registry
from bench.reports.html.subject import Subject
from bench.reports.repeat import repeat_command
from bench.runs.jobs import Cell
from bench.runs.store import Store


class Pool:
    """Texts that many cells share, each once; a cell says its place."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {}

    def place(self, text: str) -> int:
        """The place of a text, added where it is new."""
        return self.texts.setdefault(text, len(self.texts))


def cell_pages(subject: Subject) -> dict[str, Any]:
    """The pages of all cells as JSON: ``cells`` by key, and ``pool``, the texts that they share."""
    pool, store = Pool(), subject.results.store
    return {"cells": {cell.key: _page(cell, store, pool, subject) for cell in subject.cells}, "pool": list(pool.texts)}


def _page(cell: Cell, store: Store, pool: Pool, subject: Subject) -> dict[str, Any]:
    label = subject.experiment.label
    named = {kind: label(getattr(cell, kind)) for kind in ("task", "dataset", "baseline", "encoder")}
    job = cell.jobs[-1]
    page: dict[str, Any] = {**named, "seed": job.config["seed"], "status": "missing", "corpus": cell.corpus_seed}
    options = {kind: job.config[kind]["options"] for kind in ("task", "baseline", "encoder")}
    page["options"] = pool.place(json.dumps(options, ensure_ascii=False, sort_keys=True))
    record = store.read("cells", cell.key)
    if record is None:
        return page
    page["status"] = record["status"]
    page["seconds"] = round(float(record.get("seconds", 0.0)), 2)
    if "started" in record:
        page["started"] = datetime.fromtimestamp(record["started"], UTC).strftime("%Y-%m-%d %H:%M UTC")
    page["metrics"] = {label(k): v for k, v in {**record.get("metrics", {}), **record.get("pooled", {})}.items()}
    page["warnings"] = record.get("warnings", [])
    page["error"] = record.get("traceback") or record.get("error")
    provenance = {**(record.get("provenance") or {}), **(record["config"].get("libraries") or {})}
    provenance.pop("corpus_folder", None)  # a path of the machine that computed it
    provenance["corpus fingerprint"] = record["config"]["corpus"]["fingerprint"][:16]
    provenance["device"] = record["config"].get("device")
    page["provenance"] = pool.place(json.dumps(provenance, ensure_ascii=False))
    try:
        page["repeat"] = repeat_command(record, registry(), store)
    except BenchError as error:
        page["repeat"] = ""
        page["no_repeat"] = str(error)
    pretrainings = [store.read(job.kind, job.key) for job in cell.jobs if job.kind == "encoders"]
    seconds = [float(one["seconds"]) for one in pretrainings if one is not None and "seconds" in one]
    page["pretraining_seconds"] = round(sum(seconds), 2) if seconds else None
    page["curve"] = _curve(store, cell)
    return page


def _curve(store: Store, cell: Cell) -> dict[str, Any] | None:
    """The training curve, at most 60 epochs of it."""
    file = store.folder("cells", cell.key) / "curve.parquet"
    frame = pd.read_parquet(file) if file.exists() else pd.DataFrame()
    if not len(frame):
        return None
    rows = np.unique(np.linspace(0, len(frame) - 1, min(len(frame), 60)).astype(int))
    numbers = frame.iloc[rows].select_dtypes("number")
    return {"columns": list(numbers.columns), "rows": [_rounded(row) for row in numbers.to_numpy(np.float64).tolist()]}


def _rounded(row: Sequence[float]) -> list[float | None]:
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in row]


def training_curves(subject: Subject, part: str, names: Mapping[str, str]) -> pd.DataFrame:
    """The validation curves of a part's cells: ``panel``, ``encoder``, ``epoch`` and ``valid``; empty without any."""
    store, frames = subject.results.store, []
    for cell in subject.results.cells[part]:
        file = store.folder("cells", cell.key) / "curve.parquet"
        if not subject.results.is_done(cell) or not file.exists():
            continue
        frame = pd.read_parquet(file)
        if len(frame) and "valid" in frame:
            epoch = frame["epoch"] if "epoch" in frame else np.arange(1, len(frame) + 1)
            panel = f"{names.get(cell.dataset, cell.dataset)} · {names.get(cell.baseline, cell.baseline)}"
            called = names.get(cell.encoder, cell.encoder)
            of_cell = {"panel": panel, "encoder": called, "epoch": epoch, "valid": frame["valid"].astype("float64")}
            frames.append(pd.DataFrame(of_cell))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
