"""``bench score``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import completion
from bench.cli.choices import (
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
    require_run,
)
from bench.cli.terminal import echo
from bench.printable import counted

if TYPE_CHECKING:
    from bench.evaluation.tests import Results
    from bench.runs.plan import RunRequest
    from bench.runs.store import Store


def score(
    context: typer.Context,
    experiment: Annotated[
        str,
        typer.Argument(
            help="In place of --task and its options: kdd22, quick, fashioniq, or a TOML file.",
            autocompletion=completion.experiments,
            show_default=False,
        ),
    ] = "",
    metric: Annotated[
        str,
        typer.Option(
            "--metric",
            help="Metrics, comma-separated, such as nDCG@5,MAP,AUC, or the task's own. Default: its primary one.",
        ),
    ] = "",
    slices: Annotated[
        str,
        typer.Option(
            "--slice",
            help="Slices beside the whole test split, comma-separated, such as first-query,long-sessions[steps=8].",
        ),
    ] = "",
    listed: Annotated[bool, typer.Option("--list", help="Only list the measures and the slices.")] = False,
    task: Task = "",
    encoder: StoredEncoders = "",
    baseline: Baselines = "",
    dataset: Datasets = "beauty",
    seeds: StoredSeeds = 5,
    corpus_seeds: StoredCorpusSeeds = None,
    settings: Settings = None,
    part: StoredPart = "",
    formats: Annotated[
        str, typer.Option("--format", help="Write files in these formats: md, tex, csv, html, json; default: none.")
    ] = "",
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder of the files; default: scores in the --out folder.")
    ] = None,
    device: Device = "auto",
    out: Out = RUNS,
    as_json: AsJson = False,
) -> None:
    """Compute other metrics, cut-offs and slices from stored predictions, with the same tests. Nothing is trained.

    The options are those of the `bench run` or `bench tables` that is asked about; what has no result is MISSING.
    Metrics and slices that are chosen after a run are exploratory: one family holds everything that is asked, and
    Holm's correction is over all of it.
    """
    from bench.cli.table_output import chosen_formats, give_out
    from bench.cli.terminal import say
    from bench.evaluation.rescored import rescore
    from bench.plugins.registry import registry
    from bench.reports.all_tables import write_tables
    from bench.reports.score_table import score_tables
    from bench.runs.plan import RunRequest
    from bench.runs.store import Store

    if listed:
        from bench.cli.terminal import lay_out

        lay_out(_listing())
        return
    chosen, store = chosen_formats(formats) if formats or to is not None else [], Store(out)
    if experiment:
        refuse_run(context, experiment)
        source, words = _of_experiment(experiment, names(part), device, store)
    else:
        require_run(context, task, encoder)
        request = RunRequest(
            task, names(encoder), names(baseline), names(dataset), seeds, settings or [], device, corpus_seeds
        )
        source, words = _of_run(request, store)
    results = rescore(source, names(metric), names(slices), registry())
    tables = score_tables(results)
    for option, value in (("--metric", metric), ("--slice", slices)):
        words += [option, ",".join(names(value))] if value else []
    if chosen:
        folder = to if to is not None else out / "scores"
        write_tables(folder, tables, chosen, results, words)
        say(f"tables in {folder}", err=True)
    give_out(tables, as_json)
    for line in results.warnings():
        say(line, err=True)
    cells = list({cell.key: cell for planned in source.cells.values() for cell in planned}.values())
    done = sum(source.is_done(cell) for cell in cells)
    words += ["--out", str(out)] if out != RUNS else []
    say(f"{done} of {counted(len(cells), 'cell')} have a result; again with:", err=True)
    echo(f"  {shlex.join(['bench', *words])}", err=True)  # in one line, to be copied
    if done < len(cells):
        raise typer.Exit(1)


def _of_run(request: RunRequest, store: Store) -> tuple[Results, list[str]]:
    """The results of a run, and the words after ``bench`` that ask about it."""
    from bench.cli.progress import single_progress
    from bench.evaluation.summary import results_of
    from bench.plugins.registry import registry
    from bench.reports.repeat import run_command
    from bench.runs.plan import make_plan

    plan = make_plan(request, registry(), store, lambda name: single_progress(f"making {name}"))
    return results_of(plan.cells, store), ["score", *run_command(plan.request)[1:]]


def _of_experiment(name: str, parts: list[str], device: str, store: Store) -> tuple[Results, list[str]]:
    """The results of an experiment, and the words after ``bench`` that ask about it."""
    from bench.cli.progress import single_progress
    from bench.evaluation.grid import plan_experiment
    from bench.evaluation.load import load_experiment
    from bench.plugins.registry import registry

    experiment = load_experiment(name, registry())
    plan = plan_experiment(
        experiment, registry(), store, parts, device, lambda dataset: single_progress(f"making {dataset}")
    )
    words = ["score", name, *(["--part", ",".join(parts)] if parts else []), "--device", device]
    return plan.results(store), words


def _listing() -> str:
    """The measures and the slices, a line each."""
    from bench.evaluation.slices import DEFINITIONS, meaning_of
    from bench.metrics.measures import FORMULAS
    from bench.plugins.options import declared_options

    lines = ["measures of rankings, in any case; @k is a cut-off, without one all ranks count:"]
    for formula in FORMULAS:
        also = [*formula.aliases, *([f"{formula.own}@k"] if formula.own else [])]
        aliases = f"; also {', '.join(also)}" if also else ""
        lines.append(f"  {formula.example:<17}{formula.help}{aliases}")
    lines.append("and the metrics that the task reports (bench plugins TASK)")
    lines.append("slices; choices in brackets, such as long-sessions[steps=8]:")
    for name, kind in DEFINITIONS.items():
        defaults = {key: option.default for key, option in declared_options(kind).items()}
        lines.append(f"  {name:<17}{meaning_of(kind, defaults)}")
    return "\n".join(lines)
