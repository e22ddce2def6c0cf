"""``bench run`` and ``bench show``."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli import completion
from bench.cli.choices import (
    RUNS,
    Address,
    AsJson,
    CellMemory,
    CellTimeout,
    Dataset,
    Datasets,
    Device,
    Encoders,
    EngineName,
    GpuShare,
    Jobs,
    Out,
    Remote,
    Settings,
    Task,
    names,
)
from bench.cli.terminal import echo
from bench.printable import counted

if TYPE_CHECKING:
    from bench.evaluation.summary import SummaryRow
    from bench.runs.jobs import Cell


def run(
    task: Task,
    encoder: Encoders,
    baseline: Annotated[
        str,
        typer.Option(
            "--baseline",
            autocompletion=completion.baselines,
            help="Baselines, comma-separated; references: all that learn nothing. Default: all of the task.",
        ),
    ] = "",
    dataset: Datasets = "beauty",
    seeds: Annotated[int, typer.Option("--seeds", help="Number of seeds; of each corpus with --corpus-seeds.")] = 5,
    corpus_seeds: Annotated[
        int | None,
        typer.Option(
            "--corpus-seeds",
            metavar="N",
            help="Make simulated datasets with seeds 1 to N: corpora are the replicates then, and --seeds 1 will do.",
        ),
    ] = None,
    settings: Settings = None,
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
    markdown: Annotated[bool, typer.Option("--markdown", help="The table as Markdown on standard output.")] = False,
    keys: Annotated[bool, typer.Option("--keys", help="Print the cells' keys below the table.")] = False,
    record: Annotated[Path | None, typer.Option("--record", help="Folder to write table and provenance to.")] = None,
    track: Annotated[
        list[str] | None,
        typer.Option("--track", metavar="NAME:PLACE", help="Log to mlflow, tensorboard or wandb; repeatable."),
    ] = None,
) -> None:
    """Measure encoders: every baseline of a task with every encoder, over several seeds.

    Finished cells are kept in the --out folder; running the same command again does no work.
    """
    from bench.cli.progress import GridProgress, single_progress
    from bench.cli.terminal import console, say
    from bench.evaluation.summary import results_of, summarise
    from bench.plugins.registry import registry
    from bench.plugins.specs import REFERENCE
    from bench.runs.plan import RunRequest, make_plan, missing_jobs
    from bench.runs.running import Running
    from bench.runs.store import Store

    running = Running.of(engine, address, gpu_share, remote, jobs, cell_timeout, cell_memory)
    request = RunRequest(
        task,
        names(encoder),
        names(baseline),
        names(dataset),
        seeds,
        settings or [],
        device,
        corpus_seeds,
        running.engine.elsewhere,
    )
    places = _places(track)
    store = Store(out)
    plan = make_plan(request, registry(), store, lambda name: single_progress(f"making {name}"))
    running.bring(plan.jobs, store)
    missing = missing_jobs(plan.jobs, store)
    with GridProgress(missing) as progress:
        running.carry_out(missing, store, progress.watch)
    computed = frozenset(job.key for job in missing)
    results = results_of(plan.cells, store)
    rows, warnings = summarise(results, plan.primary, REFERENCE, computed, plan.corpora), results.warnings()
    if record is not None:
        from bench.reports.record import record_run
        from bench.reports.repeat import run_command

        record_run(record, run_command(plan.request), rows, plan.cells, plan.corpora, plan.primary, store, warnings)
    if places:
        from bench.tracking.tracked import tracked_runs
        from bench.tracking.trackers import log

        simulated = {name: corpus.info.origin == "simulated" for name, corpus in plan.corpora.items()}
        for line in log(tracked_runs(plan.cells, simulated, store), places):
            say(line, err=True)
    if as_json:
        echo(json.dumps([row.as_dict() for row in rows], indent=1))
    else:
        from bench.reports.run_table import markdown_run, print_run

        if markdown:
            echo(markdown_run(rows, plan.corpora, plan.primary))
        else:
            print_run(rows, plan.corpora, plan.primary, console(), keys)
    for line in warnings:
        say(line, err=as_json or markdown)
    keys_of_cells = {cell.key for cell in plan.cells}  # a reference has one cell for all seeds
    done = len(keys_of_cells & computed)
    say(f"{counted(len(keys_of_cells), 'cell')}, {done} computed now; results in {out}/cells", err=as_json or markdown)
    if not (as_json or markdown):
        echo(_how_to_see(rows[-1], plan.cells[-1], len(plan.corpora) > 1, out))
    if any(row.status != "done" for row in rows):
        raise typer.Exit(1)


def _places(track: list[str] | None) -> list[str]:
    """What --track says, checked before anything runs."""
    if not track:
        return []
    from bench.tracking.trackers import checked_places

    return checked_places(track)


def show(
    name: Annotated[
        str, typer.Argument(help="BASELINE/ENCODER/SEED of a cell, or a key or its beginning.", metavar="NAME")
    ],
    task: Task = "",
    dataset: Dataset = "",
    out: Out = RUNS,
) -> None:
    """Print how a number came about, as JSON: configuration, versions, timings, result, the command that repeats it.

    Such as bench show transearch/muvcog-m/0, seed 0 of a table's row, or bench show 1a2b3c4d (bench run --keys).
    """
    from bench.runs.finding import find_result
    from bench.runs.store import Store

    store = Store(out)
    found = find_result(store, name, task, dataset)
    if found.older:
        echo(f"The latest of {len(found.older) + 1} with this name; the others: {', '.join(found.older)}", err=True)
    record = store.read(found.kind, found.key) or {}
    echo(json.dumps(record | {"repeat": _repeat(record, store)}, indent=1, ensure_ascii=False))


def _repeat(record: Any, store: Any) -> str | None:
    """The command that repeats a result; where there is none, standard error says why."""
    from bench.errors import BenchError
    from bench.plugins.registry import registry
    from bench.reports.repeat import repeat_command

    try:
        return repeat_command(record, registry(), store)
    except BenchError as error:
        echo(f"No command repeats it: {error}", err=True)
        return None


def _how_to_see(row: SummaryRow, cell: Cell, several: bool, out: Path) -> str:
    """How to see the last cell of a table's last line."""
    seed = cell.jobs[-1].config["seed"]  # a reference has one cell for all seeds
    words = ["bench", "show", f"{row.baseline}/{row.encoder}/{seed}"]
    words += ["--dataset", row.dataset] if several else []
    words += ["--out", str(out)] if out != RUNS else []
    return f"how a number came about, such as that of the last line's seed {seed}:\n  {shlex.join(words)}"
