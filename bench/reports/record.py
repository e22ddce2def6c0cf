"""The record of a run as files to commit: table, rows, pretraining curves and provenance."""

from __future__ import annotations

import importlib.util
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.data.corpus import Corpus
from bench.evaluation.summary import SummaryRow
from bench.files import files_written_whole
from bench.printable import markdown_text, spreadsheet_field, visible
from bench.reports.run_table import markdown_run
from bench.runs.jobs import Cell
from bench.runs.store import Store


def record_run(
    folder: Path,
    command: Sequence[str],
    rows: Sequence[SummaryRow],
    cells: Sequence[Cell],
    corpora: dict[str, Corpus],
    primary: str,
    store: Store,
    warnings: Sequence[str] = (),
) -> None:
    """Writes ``table.md``, ``rows.json``, ``provenance.json`` and ``curves.csv`` to ``folder``, all or nothing.

    Where matplotlib is installed, ``curves.svg`` shows the curves.

    Args:
        folder: made where it is missing; files of an earlier record are replaced, others stay.
        command: the command that repeats the run, without ``bench`` (:func:`bench.reports.repeat.run_command`).
        rows: the summary of the run.
        cells: the cells that it summarises.
        corpora: by dataset.
        primary: the metric of the hypotheses.
        store: where the results are.
        warnings: lines below the table.
    """
    provenance = provenance_of(command, cells, corpora, store)
    lines = [
        f"`{provenance['command']}`",
        f"Computed at commit {', '.join(map(str, provenance['commits']))}; corpora: "
        + ", ".join(f"{name} {_fingerprints(about)}" for name, about in provenance["corpora"].items())
        + ". See `provenance.json`.",
    ]
    table = markdown_run(rows, corpora, primary)
    text = "\n\n".join([*lines, table.rstrip("\n"), *map(markdown_text, warnings)]) + "\n"
    curves = pretraining_curves(cells, store)
    with files_written_whole(folder) as writing:
        (writing / "table.md").write_text(text, encoding="utf-8")
        write_json(writing / "rows.json", [row.as_dict() for row in rows])
        write_json(writing / "provenance.json", provenance)
        if len(curves):
            curves.map(spreadsheet_field).to_csv(writing / "curves.csv", index=False, float_format="%.5f")
            _draw(curves, corpora, writing / "curves.svg")


def provenance_of(
    command: Sequence[str], cells: Sequence[Cell], corpora: dict[str, Corpus], store: Store
) -> dict[str, Any]:
    """The provenance of cells: command, commits, versions, machines, options, corpora, seconds, keys."""
    keys = dict.fromkeys(cell.key for cell in cells)  # a reference has one cell for all seeds
    records = [record for key in keys if (record := store.read("cells", key)) is not None]
    provenances = [record["provenance"] for record in records if "provenance" in record]
    encoders = {job.key: job for cell in cells for job in cell.jobs if job.kind == "encoders"}
    pretraining = [store.read("encoders", key) or {} for key in encoders]
    replicates: dict[str, dict[str, str]] = {}  # dataset, corpus seed: fingerprint
    for cell in cells:
        if cell.corpus_seed is not None:
            of_dataset = replicates.setdefault(cell.dataset, {})
            of_dataset[str(cell.corpus_seed)] = cell.jobs[-1].config["corpus"]["fingerprint"]
    return {
        "command": shlex.join(["bench", *command]),
        "commits": sorted({str(p["commit"]) for p in provenances}),
        "session_bench": sorted({p["session_bench"] for p in provenances}),
        "python": sorted({p["python"] for p in provenances}),
        "machine": sorted({p["machine"] for p in provenances}),
        "threads": sorted({p["threads"] for p in provenances}),
        "device": sorted({record["config"]["device"] for record in records}),
        "libraries": records[0]["config"]["libraries"] if records else {},
        "options": {
            f"{kind} {record['config'][kind]['name']}": record["config"][kind]["options"]
            for record in records
            for kind in ("task", "baseline", "encoder")
        },
        "corpora": {
            name: {
                "fingerprint": c.info.fingerprint,
                "origin": c.info.origin,
                "split": c.info.split,
                "licence": c.info.licence,
                **c.info.source,
                **({"replicates": replicates[name]} if name in replicates else {}),
            }
            for name, c in corpora.items()
        },
        "seconds": {
            "cells": round(sum(record["seconds"] for record in records), 1),
            "pretraining": round(sum(record.get("seconds", 0.0) for record in pretraining), 1),
        },
        "cells": sorted(keys),
    }


def _fingerprints(about: dict[str, Any]) -> str:
    """The beginning of a corpus's fingerprint; of each corpus, by its seed, where there are several."""
    if "replicates" not in about:
        return str(about["fingerprint"][:12])
    return "with seeds " + ", ".join(f"{seed}: {mark[:12]}" for seed, mark in about["replicates"].items())


def pretraining_curves(cells: Sequence[Cell], store: Store) -> pd.DataFrame:
    """The pretraining curves of cells as a table with a row per validation of each dataset, encoder and seed."""
    frames = {}
    for cell in cells:
        for job in cell.jobs:
            file = store.folder(job.kind, job.key) / "curve.parquet"
            if job.kind == "encoders" and file.exists():
                frame = pd.read_parquet(file)
                frames[job.key] = frame.assign(dataset=cell.dataset, encoder=cell.encoder, seed=cell.seed)
    with_rows = [frame for frame in frames.values() if len(frame)]
    if not with_rows:
        return pd.DataFrame()
    curves = pd.concat(with_rows, ignore_index=True)
    keys = ["dataset", "encoder", "seed"]
    return curves[[*keys, *(column for column in curves.columns if column not in keys)]]


def _draw(curves: pd.DataFrame, corpora: dict[str, Corpus], file: Path) -> None:
    if importlib.util.find_spec("matplotlib") is None:  # an extra; the numbers are in curves.csv
        return
    from bench.figures.curves import draw_curves
    from bench.figures.drawing import write_picture

    write_picture(draw_curves(curves, {name: corpus.info.label for name, corpus in corpora.items()}).figure, file)


def write_json(file: Path, value: Any) -> None:
    """Writes JSON that is easy to read and to diff: indented, with sorted keys."""
    file.write_text(visible(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)) + "\n", encoding="utf-8")
