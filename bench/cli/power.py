"""``bench power``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.choices import RUNS, AsJson, Baselines, Datasets, Device, Encoders, Out, Settings, Task, names
from bench.cli.terminal import echo
from bench.printable import counted

if TYPE_CHECKING:
    from bench.data.corpus import Corpus
    from bench.evaluation.design import Design


def power(
    task: Task,
    encoder: Encoders,
    detect: Annotated[float, typer.Option("--detect", help="The difference to be found, such as .005.")],
    baseline: Baselines = "",
    dataset: Datasets = "beauty",
    seeds: Annotated[int, typer.Option("--seeds", help="Number of seeds of the stored run.")] = 5,
    settings: Settings = None,
    device: Device = "auto",
    out: Out = RUNS,
    as_json: AsJson = False,
) -> None:
    """Say how many seeds and users it takes to find a difference, from a comparison that is stored.

    The options are those of the `bench run` that is asked about; nothing is run. A line says with how many users that
    many seeds find the difference to vanilla with 80 % power at 5 %, two-sided; "never" where seeds differ too much
    for any number of users. The other columns are the smallest difference that is found with so many users.
    """
    from bench.cli.progress import single_progress
    from bench.cli.terminal import say
    from bench.errors import BenchError
    from bench.evaluation.design import designs
    from bench.evaluation.summary import results_of
    from bench.plugins.registry import registry
    from bench.plugins.specs import REFERENCE
    from bench.runs.plan import RunRequest, make_plan
    from bench.runs.store import Store

    if not (math.isfinite(detect) and detect > 0):
        raise BenchError(f"{detect:g} is no difference to be found", where="--detect", fix="above 0, such as .005")
    request = RunRequest(task, names(encoder), names(baseline), names(dataset), seeds, settings or [], device)
    store = Store(out)
    plan = make_plan(request, registry(), store, lambda name: single_progress(f"making {name}"))
    results = results_of(plan.cells, store)
    found = designs(results, "run", REFERENCE, plan.primary, detect)
    if not found:
        raise BenchError(
            "no comparison with two seeds or more is stored",
            where=f"{out}/cells",
            fix="bench run with the same options computes it",
        )
    if as_json:
        echo(json.dumps([row for design in found for row in design.rows(detect)], indent=1))
    else:
        _print(found, detect, plan.corpora)
    absent = sum(not results.is_done(cell) for cell in plan.cells)
    if absent:
        say(f"{absent} of {counted(len(plan.cells), 'cell')} have no result; their comparisons are left out", err=True)


def _print(found: list[Design], detect: float, corpora: Mapping[str, Corpus]) -> None:
    from bench.cli.terminal import console, say
    from bench.reports.fitting import Layout, Row, print_fitting

    for comparison, group in groupby(found, lambda one: (one.dataset, one.baseline, one.encoder, one.reference)):
        mine = list(group)
        dataset, baseline, encoder, reference = comparison
        lead = mine[0]
        head = ("seeds", f"users for ±{detect:g}", *(_users(number) for number in lead.smallest))
        rows = tuple(
            Row(
                (
                    str(one.seeds),
                    "never" if one.needed is None else f"{one.needed:,}",
                    *(f"{smallest:.4f}" for smallest in one.smallest.values()),
                )
            )
            for one in mine
        )
        title = (
            f"{corpora[dataset].info.labelled(dataset)}, {baseline}: {encoder} − {reference} in {lead.metric.upper()}, "
            f"measured with {lead.stored_seeds} seeds and {lead.stored_users:,} users"
        )
        cut = "not shown at this width: the smallest difference that a number of users finds"
        short = Layout(head[:2], tuple(Row(row.cells[:2]) for row in rows), left=0, note=cut)
        print_fitting([Layout(head, rows, left=0), short], console(), title)
    say(
        f"users for ±{detect:g}: how many find that difference with 80 % power at 5 %, two-sided and uncorrected; "
        "under a number of users stands the smallest difference that they find. Both are estimates from the stored "
        "run, rough where it has few seeds or users. 0.0000: seeds differed by no more than users explain."
    )


def _users(number: float) -> str:
    return "any\nnumber" if math.isinf(number) else f"{int(number):,}\nusers"
