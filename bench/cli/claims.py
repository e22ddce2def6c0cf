"""``bench claims``."""

from __future__ import annotations

import json
import sys
from typing import Annotated

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
)
from bench.cli.terminal import echo
from bench.printable import counted


def claims(
    experiment: Experiment = "kdd22",
    part: Annotated[
        str, typer.Option("--part", help="Parts whose claims are asked, comma-separated; default: all.")
    ] = "",
    run: Annotated[bool, typer.Option("--run", help="Run the cells that are missing first.")] = False,
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
    """Say which of an experiment's claims hold on each dataset, from the results that are there.

    A claim holds where all of its hypotheses do, has the direction only where all point the claimed way, and is not
    tested where a result is missing: `bench tables` computes them, or --run.
    """
    from bench.cli.progress import GridProgress, single_progress
    from bench.cli.terminal import console, say
    from bench.evaluation.claims import answer_claims
    from bench.evaluation.grid import plan_experiment
    from bench.evaluation.load import load_experiment
    from bench.plugins.registry import registry
    from bench.runs.running import Running
    from bench.runs.store import Store

    running = Running.of(engine, address, gpu_share, remote, jobs, cell_timeout, cell_memory)
    store = Store(out)
    declared = load_experiment(experiment, registry())
    plan = plan_experiment(
        declared,
        registry(),
        store,
        names(part),
        device,
        lambda name: single_progress(f"making {name}"),
        running.engine.elsewhere,
    )
    running.bring(plan.jobs, store)
    if run:
        missing = plan.missing(store)
        with GridProgress(missing) as progress:
            running.carry_out(missing, store, progress.watch)
    results = plan.results(store)
    outcomes = [outcome for family in results.outcomes().values() for outcome in family]
    answers = answer_claims(outcomes, declared.claims)
    if as_json:
        echo(json.dumps([answer.as_dict() for answer in answers], indent=1))
    else:
        from bench.reports.claims import markdown_claims, print_claims

        if sys.stdout.isatty():
            print_claims(answers, results.corpora, console())
        else:
            echo(markdown_claims(answers, results.corpora), nl=False)
    for line in results.warnings():
        say(line, err=True)
    absent = sum(not results.is_done(cell) for cell in plan.all_cells)
    if absent:
        how = "" if run else f": bench claims {experiment} --run, or bench tables {experiment}"
        say(f"{absent} of {counted(len(plan.all_cells), 'cell')} have no result{how}", err=True)
    if run and absent:
        raise typer.Exit(1)
