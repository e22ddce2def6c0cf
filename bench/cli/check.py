"""``bench check``: the regression gate."""

from __future__ import annotations

import json
import os
import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.cli.choices import AsJson, Jobs
from bench.cli.terminal import echo

GOLDEN = Path("results/golden")


def check(
    folder: Annotated[Path, typer.Argument(help="Folder of gate.toml and golden tables.")] = GOLDEN,
    update: Annotated[bool, typer.Option("--update", help="Write the golden tables anew.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Print every number, not only what moved.")] = False,
    jobs: Jobs = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Keep results there and use those; default: compute everything.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a tiny grid and compare it with its golden tables; exit 1 when a number moved, appeared or is missing.

    FOLDER holds gate.toml (task, dataset, baselines, encoders, seeds, settings; several [[tables]] if need be) and one
    JSON file per table, which --update writes. With the same versions of libraries, numbers must agree to 1e-6 on x86
    with AVX2 or AVX-512; elsewhere to 0.002 in NDCG, 0.004 in MRR, 0.006 in HR and 0.015 in others, and the mean over
    all NDCG to 0.0003. With other versions what moved is printed and not judged. A number that got better has moved,
    too; one that is new or missing fails always.
    """
    from tempfile import TemporaryDirectory

    from bench.cli.progress import GridProgress, single_progress
    from bench.golden import compare
    from bench.golden.compute import failures, jobs_of, plan_gate, tables_of
    from bench.golden.gate import load_gate
    from bench.plugins.registry import registry
    from bench.runs.engines.local import run_jobs
    from bench.runs.plan import missing_jobs
    from bench.runs.store import Store

    gate, golden = load_gate(folder), compare.read_all(folder, to_update=update)
    with ExitStack() as stack:
        store = Store(out or stack.enter_context(TemporaryDirectory(prefix="bench-check-")))
        planned = plan_gate(gate, registry(), store, lambda name: single_progress(f"making {name}"))
        waiting = missing_jobs(jobs_of(planned), store)
        with GridProgress(waiting) as progress:
            run_jobs(waiting, store, jobs, progress.watch)
        now = tables_of(planned, store, _stored_command(folder))
        failed = failures(planned, store)
    rows, why = compare.compare(golden, now), compare.reasons(golden, now)
    moved = [row for row in rows if not row.passed]
    unjudged = [row for row in rows if row.verdict == "not judged"]
    if as_json:
        echo(json.dumps([row.as_dict() for row in rows], indent=1, ensure_ascii=False))
    else:
        _print(rows if everything else [row for row in rows if row.verdict != "same"])
    for line in (*why, *failed):
        echo(line, err=as_json)
    summary = f"{len(rows)} numbers, {len(moved)} moved"
    summary += f", {len(unjudged)} moved with the versions of libraries and are not judged" if unjudged else ""
    if update and not failed:
        written = compare.update(folder, golden, now)
        echo(f"{summary}; written: {', '.join(written) or 'nothing, all is as it was'}", err=as_json)
        return
    if update:
        fix = "; nothing was written, since cells failed"
    else:
        fix = f"; if that was meant: {_command(folder)}" if moved and not failed else ""
    echo(summary + fix, err=as_json)
    if moved or failed:
        raise typer.Exit(1)


def _print(rows: list[Any]) -> None:
    """The numbers as a table, without what they were allowed to move by where that does not fit."""
    if not rows:
        return
    from bench.cli.terminal import console
    from bench.reports.fitting import Layout, Row, print_fitting

    def layout(allowed: bool, grouped: bool, note: str = "") -> Layout:
        head = ["row", "column", "golden", "now", "change", *(["allowed"] * allowed), "verdict"]
        lines: list[Row] = []
        before: str | None = None
        for row in rows:
            if grouped and row.table != before:
                lines.append(Row((f"table {row.table}",), rule=before is not None))
            before = row.table
            change = f"{row.now - row.golden:+z.6f}" if row.now is not None and row.golden is not None else ""
            numbers = ["" if value is None else f"{value:.6f}" for value in (row.golden, row.now)]
            cells = [row.row, row.column, *numbers, change, *([f"{row.tolerance:.6f}"] * allowed), row.verdict]
            lines.append(Row(tuple(cells if grouped else [row.table, *cells])))
        return Layout(tuple(head if grouped else ["table", *head]), tuple(lines), left=2 if grouped else 3, note=note)

    left_out = "not shown at this width: what a number may move by"
    print_fitting([layout(True, False), layout(True, True), layout(False, True, left_out)], console())


def _stored_command(folder: Path) -> str:
    """What tables say of how they were written: a folder somewhere else is called by its own name alone, since nobody
    else has its path."""
    if folder.is_absolute():
        here = Path(os.path.relpath(folder))
        folder = Path(folder.name) if here.parts[:1] == ("..",) else here
    return _command(folder)


def _command(folder: Path) -> str:
    """What writes these golden tables."""
    return shlex.join(["bench", "check", str(folder), "--update"])
