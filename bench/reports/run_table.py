"""The tables that ``bench run`` prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from tabulate import tabulate

from bench.data.corpus import Corpus
from bench.evaluation.summary import SummaryRow
from bench.plugins.registry import registry
from bench.plugins.specs import REFERENCE
from bench.stats.marks import dagger
from bench.stats.rounding import written_interval, written_mean, written_p


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
        body.append(
            [*system, *(_mean(of_system[metric]) for metric in metrics), _delta(lead), written_p(lead.p_adjusted)]
        )
    return f"{rows[0].task} on {corpus.info.label}", head, body


def _notes(rows: Sequence[SummaryRow], corpus: Corpus) -> list[str]:
    """Size of the test split, and the corpus's caveats."""
    largest = max(rows, key=lambda row: row.n_queries)
    seeds = max(row.seeds for row in rows)
    who = "users" if corpus.num_users else "sessions (the data have no users)"
    units = registry().get("task", largest.task).units
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
    return written_mean(row.mean, row.std)


def _delta(row: SummaryRow) -> str:
    if row.delta is None:
        return ""
    return written_interval(row.delta, row.ci_low, row.ci_high, dagger(row.p_adjusted))
