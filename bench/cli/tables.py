"""``bench tables``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.choices import (
    RUNS,
    Address,
    AsJson,
    CellMemory,
    CellTimeout,
    Device,
    EngineName,
    Experiment,
    GpuShare,
    Jobs,
    Out,
    Remote,
    names,
    typed,
)
from bench.cli.table_output import chosen_formats, give_out
from bench.cli.terminal import echo
from bench.printable import counted

if TYPE_CHECKING:
    from bench.evaluation.grid import ExperimentPlan
    from bench.runs.store import Store

_DATASETS = "table1"


def tables(
    experiment: Experiment = "kdd22",
    part: Annotated[
        str, typer.Option("--part", help="Parts, comma-separated, such as table1,table2; default: all.")
    ] = "",
    formats: Annotated[
        str, typer.Option("--format", help="Formats of the files: md, tex, csv, html, json; default: all.")
    ] = "",
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder of the files; default: tables/NAME in the --out folder.")
    ] = None,
    no_run: Annotated[bool, typer.Option("--no-run", help="Run nothing; what has no result is MISSING.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be run, and how long.")] = False,
    rerun: Annotated[
        bool, typer.Option("--rerun/--only-missing", help="Remove the results of these cells first, and no others.")
    ] = False,
    jobs: Jobs = None,
    engine: EngineName = "local",
    address: Address = None,
    gpu_share: GpuShare = 1.0,
    remote: Remote = None,
    cell_timeout: CellTimeout = None,
    cell_memory: CellMemory = None,
    device: Device = "auto",
    out: Out = RUNS,
    as_json: AsJson = False,
) -> None:
    """Print the paper's tables: run the cells that are missing, then write every table in every format.

    Finished cells are kept in the --out folder; running the same command again does no work.
    """
    from bench.cli.progress import GridProgress, single_progress
    from bench.cli.terminal import say
    from bench.errors import BenchError
    from bench.evaluation.grid import plan_experiment, remove_results
    from bench.evaluation.load import load_experiment
    from bench.plugins.registry import registry
    from bench.runs.running import Running
    from bench.runs.store import Store

    chosen = chosen_formats(formats)
    if rerun and (no_run or dry_run):
        raise BenchError("removes results", where="--rerun", fix="leave out --no-run and --dry-run")
    if rerun and remote is not None:
        raise BenchError("keeps what --rerun removes", where="--store", fix="leave out one of them")
    running = Running.of(engine, address, gpu_share, remote, jobs, cell_timeout, cell_memory)
    store = Store(out)
    parts = names(part)
    declared = load_experiment(experiment, registry())
    grid = [name for name in parts if name != _DATASETS]
    plan = plan_experiment(
        declared,
        registry(),
        store,
        grid,
        device,
        lambda name: single_progress(f"making {name}"),
        running.engine.elsewhere,
    )
    only_datasets = bool(parts) and not grid
    running.bring(plan.jobs, store)
    if dry_run:
        echo(_forecast(plan, store, jobs))
        return
    if rerun and not only_datasets:
        echo(f"removed {counted(remove_results(plan, store), 'result')}", err=True)
    computed = 0
    if not (no_run or only_datasets):
        missing = plan.missing(store)
        computed = sum(job.kind == "cells" for job in missing)
        with GridProgress(missing) as progress:
            running.carry_out(missing, store, progress.watch)

    from bench.reports.all_tables import all_tables, write_tables
    from bench.reports.dataset_table import dataset_table

    results = plan.results(store)
    if only_datasets:
        found = [dataset_table(results.experiment, results.corpora)]
    else:
        found = all_tables(results, with_datasets=not parts or _DATASETS in parts)
    folder = to if to is not None else out / "tables" / declared.name
    write_tables(folder, found, chosen, results, typed("--to", "--out", "--format"))
    give_out(found, as_json)
    for line in results.warnings():
        say(line, err=True)
    say(f"{counted(len(plan.all_cells), 'cell')}, {computed} computed now; tables in {folder}", err=True)
    if not only_datasets and not all(results.is_done(cell) for cell in plan.all_cells):
        raise typer.Exit(1)


def _forecast(plan: ExperimentPlan, store: Store, workers: int | None) -> str:
    """What a run would do, part by part."""
    import os

    from bench.evaluation.grid import estimate_seconds

    processes = workers or len(os.sched_getaffinity(0))
    jobs, missing = plan.jobs, plan.missing(store)
    waiting = {job.key for job in missing if job.kind == "cells"}
    lines = []
    for part, cells in plan.cells.items():
        keys = {cell.key for cell in cells}
        lines.append(f"{part}: {counted(len(keys), 'cell')}, {len(keys - waiting)} done")
    trained = [job for job in jobs if job.kind == "encoders"]
    left = sum(job.kind == "encoders" for job in missing)
    cells_left = sum(job.kind == "cells" for job in missing)
    seconds = estimate_seconds(missing, store)
    lines += [
        f"all: {counted(len(plan.all_cells), 'cell')}, those of several parts once; "
        f"{len(plan.all_cells) - cells_left} done",
        f"{counted(len(trained), 'pretraining')}, shared by their cells; {len(trained) - left} done",
        f"about {_duration(seconds / processes)} on {processes} process{'es' * (processes != 1)}, "
        f"{_duration(seconds)} of processor time",
    ]
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
