"""``bench figures``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.choices import RUNS, AsJson, Device, Experiment, Out, names
from bench.cli.terminal import echo, say


def figures(
    experiment: Experiment = "kdd22",
    only: Annotated[str, typer.Option("--only", help="Figures, comma-separated; default: all.")] = "",
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder of the files; default: figures/NAME in the --out folder.")
    ] = None,
    device: Device = "auto",
    out: Out = RUNS,
    as_json: AsJson = False,
) -> None:
    """Draw an experiment's figures from its results: PDF, SVG and PNG, the numbers as CSV, the caption as Markdown.

    Results come from `bench tables`; a figure without any is left out, or an error where --only names it. Figure 6 then
    trains what encoders it lacks.
    """
    from bench.errors import BenchError
    from bench.figures.style import require_plotting

    require_plotting("sklearn")
    from bench.cli.progress import single_progress
    from bench.evaluation.grid import plan_experiment
    from bench.evaluation.load import load_experiment
    from bench.figures.drawing import write_drawing
    from bench.paper.experiment_figures import ExperimentFigures, Missing, left_out
    from bench.paper.figure_list import chosen_ids
    from bench.plugins.registry import registry
    from bench.runs.store import Store

    store, wanted = Store(out), names(only)
    declared = load_experiment(experiment, registry())
    ids = chosen_ids(declared, wanted)
    plan = plan_experiment(
        declared, registry(), store, device=device, corpus_progress=lambda name: single_progress(f"making {name}")
    )
    folder = to or out / "figures" / declared.name
    command = ["figures", experiment, *(["--only", ",".join(ids)] if wanted else [])]
    drawing = ExperimentFigures(plan, store, command, single_progress)
    missing: list[Missing] = []
    rows = []
    for name in ids:
        drawn = drawing.draw(name, train=bool(wanted))
        if isinstance(drawn, Missing):
            if wanted:
                raise BenchError(drawn.reason, where=f"--only {name}")
            missing.append(drawn)
            continue
        figure, provenance = drawn
        write_drawing(figure, folder, provenance)
        rows.append({"figure": name, "title": figure.title, "folder": str(folder), "missing": None})
        if not as_json:
            say(f"{folder / name}.pdf, .svg, .png, .csv, .md: {figure.title}")
    if as_json:
        rows += [{"figure": one.id, "title": None, "folder": None, "missing": one.reason} for one in missing]
        echo(json.dumps(rows, indent=1))
    if missing:
        say(left_out(missing), err=True)
