"""``bench report``."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import completion
from bench.cli.choices import (
    OF_RUN,
    RUNS,
    AsJson,
    Baselines,
    Datasets,
    Device,
    Out,
    Settings,
    StoredCorpusSeeds,
    StoredEncoders,
    StoredPart,
    StoredSeeds,
    Task,
    names,
    refuse_run,
    refuse_typed,
    require_run,
)
from bench.printable import counted

if TYPE_CHECKING:
    from bench.reports.html.subject import Subject
    from bench.runs.store import Store


def report(
    context: typer.Context,
    experiment: Annotated[
        str,
        typer.Argument(
            help="In place of --task and its options: kdd22, quick, fashioniq, or a TOML file. Default: kdd22.",
            autocompletion=completion.experiments,
            show_default=False,
        ),
    ] = "",
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="The file; default: reports/NAME.html in --out.")
    ] = None,
    task: Task = "",
    encoder: StoredEncoders = "",
    baseline: Baselines = "",
    dataset: Datasets = "beauty",
    seeds: StoredSeeds = 5,
    corpus_seeds: StoredCorpusSeeds = None,
    settings: Settings = None,
    part: StoredPart = "",
    device: Device = "auto",
    out: Out = RUNS,
    as_json: AsJson = False,
) -> None:
    """Write stored results as one HTML file that opens without network: the answer, tables, charts, cells, data.

    The options are those of the `bench run` or `bench tables` that is asked about. Nothing is computed; what has no
    result is MISSING.
    """
    from bench.cli.terminal import echo, say
    from bench.errors import BenchError
    from bench.reports.html.page import require_report, write_report
    from bench.runs.store import Store

    require_report("bench report")
    store = Store(out)
    if task or encoder:
        if experiment:
            refuse_run(context, experiment)
        require_run(context, task, encoder)
        subject = _of_run(task, encoder, baseline, dataset, seeds, settings or [], device, corpus_seeds, store)
    else:
        refuse_typed(context, OF_RUN, "is for a run, and there is no --task")
        subject = _of_experiment(experiment or "kdd22", names(part), device, store)
    file = to if to is not None else out / "reports" / f"{subject.experiment.name}.html"
    if file.is_dir():
        raise BenchError("is a folder", where=f"--to {file}", fix="give the name of a file, such as report.html")
    size = write_report(file, subject)
    done, cells = sum(subject.results.is_done(cell) for cell in subject.cells), len(subject.cells)
    if as_json:
        echo(json.dumps([{"file": str(file), "bytes": size, "done": done, "cells": cells}], indent=1))
    else:
        say(f"{file}: {size / 1e6:.1f} MB; {done} of {counted(cells, 'cell')} have a result")
    if done < cells:
        raise typer.Exit(1)


def _of_run(
    task: str,
    encoder: str,
    baseline: str,
    dataset: str,
    seeds: int,
    settings: list[str],
    device: str,
    corpus_seeds: int | None,
    store: Store,
) -> Subject:
    from bench.cli.progress import single_progress
    from bench.plugins.registry import registry
    from bench.reports.html.subject import subject_of_plan
    from bench.runs.plan import RunRequest, make_plan

    request = RunRequest(task, names(encoder), names(baseline), names(dataset), seeds, settings, device, corpus_seeds)
    return subject_of_plan(make_plan(request, registry(), store, lambda name: single_progress(f"making {name}")), store)


def _of_experiment(name: str, parts: list[str], device: str, store: Store) -> Subject:
    from bench.cli.progress import single_progress
    from bench.evaluation.grid import plan_experiment
    from bench.evaluation.load import load_experiment
    from bench.plugins.registry import registry
    from bench.reports.html.subject import Subject

    experiment = load_experiment(name, registry())
    plan = plan_experiment(
        experiment, registry(), store, parts, device, lambda dataset: single_progress(f"making {dataset}")
    )
    words = [name, *(["--part", ",".join(parts)] if parts else []), "--device", device, *_where(store)]
    report, tables = (shlex.join(["bench", command, *words]) for command in ("report", "tables"))
    return Subject(plan.results(store), report, (tables,))


def _where(store: Store) -> list[str]:
    return ["--out", str(store.root)] if store.root != RUNS else []
