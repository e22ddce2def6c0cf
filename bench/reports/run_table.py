"""The tables that ``bench run`` prints."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from tabulate import tabulate

from bench.data.corpus import Corpus
from bench.evaluation.summary import SummaryRow
from bench.plugins.registry import registry
from bench.plugins.specs import TaskSpec
from bench.runs.plan import REFERENCE


def print_run(rows: Sequence[SummaryRow], corpora: dict[str, Corpus], primary: str, console: Console) -> None:
    """Prints a table per dataset, what must be known about the data, and how the numbers are to be read."""
    for dataset, corpus in corpora.items():
        mine = [row for row in rows if row.dataset == dataset]
        title, head, body = _cells(mine, corpus, primary)
        table = Table(title=title, title_justify="left", header_style="bold")
        for number, column in enumerate(head):
            table.add_column(column, justify="left" if number < 2 else "right")
        for line, following in zip(body, [*body[1:], None], strict=True):
            table.add_row(*line, end_section=following is not None and following[0] != line[0])
        console.print(table, markup=False)  # brackets in names and caveats are brackets
        for note in _notes(mine, corpus):
            console.print(note, highlight=False, markup=False)
        console.print()
    console.print(_reading(rows), highlight=False, markup=False)


def markdown_run(rows: Sequence[SummaryRow], corpora: dict[str, Corpus], primary: str) -> str:
    """The same as Markdown."""
    parts = []
    for dataset, corpus in corpora.items():
        mine = [row for row in rows if row.dataset == dataset]
        title, head, body = _cells(mine, corpus, primary)
        align = ["left", "left", *["right"] * (len(head) - 2)]
        table = tabulate(body, head, tablefmt="github", colalign=align, disable_numparse=True)
        parts.append("\n\n".join([f"### {title}", table, *_notes(mine, corpus)]))
    return "\n\n".join([*parts, _reading(rows)]) + "\n"


def _cells(rows: Sequence[SummaryRow], corpus: Corpus, primary: str) -> tuple[str, list[str], list[list[str]]]:
    """Title, column heads and lines of a dataset's table."""
    metrics = list(dict.fromkeys(row.metric for row in rows))
    head = ["baseline", "encoder", *(metric.upper() for metric in metrics)]
    head += [f"Δ {primary.upper()} to {REFERENCE} [95 %]", "p (Holm)"]
    body = []
    for system in dict.fromkeys((row.baseline, row.encoder) for row in rows):
        of_system = {row.metric: row for row in rows if (row.baseline, row.encoder) == system}
        lead = of_system[primary]
        body.append([*system, *(_mean(of_system[metric]) for metric in metrics), _delta(lead), _p(lead)])
    return f"{rows[0].task} on {corpus.info.label}", head, body


def _notes(rows: Sequence[SummaryRow], corpus: Corpus) -> list[str]:
    """Size of the test split, and the corpus's caveats."""
    largest = max(rows, key=lambda row: row.n_queries)
    seeds = max(row.seeds for row in rows)
    who = "users" if corpus.num_users else "sessions (the data have no users)"
    task = registry().get("task", largest.task)
    units = task.units if isinstance(task, TaskSpec) else "queries"
    size = (
        f"{largest.n_queries} {units} of {largest.n_users} {who} in the test split, {seeds} seed{'s' * (seeds != 1)}."
    )
    return [size, *(f"Note: {caveat}" for caveat in corpus.info.caveats)]


def _reading(rows: Sequence[SummaryRow]) -> str:
    if max((row.seeds for row in rows), default=0) == 1:
        return "One seed: everything here is conditional on one trained model per encoder."
    return "mean ± deviation over seeds; † p < 0.05 after Holm over all encoders, baselines and datasets above."


def _mean(row: SummaryRow) -> str:
    if row.status != "done" or row.mean is None:
        return row.status.upper()
    if row.std is None:
        return f"{row.mean:.3f}"
    digits = _digits(row.std / math.sqrt(row.seeds))
    return f"{row.mean:.{digits}f} ± {row.std:.{digits}f}"


def _delta(row: SummaryRow) -> str:
    if row.delta is None:
        return ""
    if row.ci_low is None or row.ci_high is None:  # a pooled metric
        return f"{row.delta:+.3f}"
    digits = _digits((row.ci_high - row.ci_low) / 4)
    dagger = "†" if row.p_adjusted is not None and row.p_adjusted < 0.05 else ""
    return f"{row.delta:+.{digits}f}{dagger} [{row.ci_low:+.{digits}f}, {row.ci_high:+.{digits}f}]"


def _p(row: SummaryRow) -> str:
    if row.p_adjusted is None:
        return ""
    return "< 0.0001" if row.p_adjusted < 1e-4 else f"{row.p_adjusted:.4f}"


def _digits(error: float) -> int:
    """No more decimals than a standard error supports: up to the first digit that it leaves open."""
    if not math.isfinite(error) or error <= 0:
        return 4
    return min(max(math.ceil(-math.log10(error)), 2), 4)
