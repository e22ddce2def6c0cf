"""What a report is about: the stored results of an experiment, or of one run, which is an experiment of one part."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from bench.evaluation.experiment import Experiment
from bench.evaluation.summary import declare_protocol, part_of_run, reported_metrics, results_of
from bench.evaluation.tests import Results
from bench.plugins.specs import REFERENCE
from bench.reports.repeat import DEFAULT_OUT, run_command
from bench.runs.jobs import Cell
from bench.runs.plan import Plan
from bench.runs.store import Store


@dataclass(frozen=True, eq=False)
class Subject:
    """The results that a report shows.

    Attributes:
        results: stored, with the families of hypotheses that were declared.
        command: what was typed, in a line.
        repeat: the commands that compute what is missing, and everything again.
    """

    results: Results
    command: str
    repeat: tuple[str, ...] = ()

    @property
    def experiment(self) -> Experiment:
        """What was declared."""
        return self.results.experiment

    @property
    def cells(self) -> list[Cell]:
        """Every planned cell once, though it may stand in several parts."""
        return list({cell.key: cell for cells in self.results.cells.values() for cell in cells}.values())


def subject_of_plan(plan: Plan, store: Store) -> Subject:
    """The subject of a run: its cells as one part, with the protocol's two families.

    Args:
        plan: of the run; the store may hold all, some or none of its cells.
        store: where the results are.
    """
    cells, primary = plan.cells, plan.primary
    run, *options = run_command(plan.request)
    options += ["--out", str(store.root)] if store.root != DEFAULT_OUT else []
    results = results_of(cells, store)
    metrics = reported_metrics(results, primary)
    if any(cell.encoder != REFERENCE for cell in cells):
        declare_protocol(results, metrics, REFERENCE)
    part = part_of_run(results, metrics, REFERENCE)
    baselines = tuple(dict.fromkeys(cell.baseline for cell in cells))  # the references among them
    labels = " and ".join(corpus.info.label for corpus in results.corpora.values())
    title = f"{part.task} on {labels}"
    results.experiment = replace(
        results.experiment,
        name=part.task,
        title=title,
        parts=(replace(part, title=title, baselines=baselines),),
        labels={metric: metric.upper() for metric in metrics},
    )
    return Subject(results, shlex.join(["bench", "report", *options]), (shlex.join(["bench", run, *options]),))
