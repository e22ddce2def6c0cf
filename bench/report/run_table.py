"""The tables that ``bench run`` prints."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.data.corpus import Corpus
from bench.report.summary import SummaryRow


def print_run(rows: Sequence[SummaryRow], corpora: dict[str, Corpus], primary: str, reference: str, console: Console) -> None:
    """Prints a table per dataset, what must be known about the data, and how the numbers are to be read."""
    for dataset, corpus in corpora.items():
        mine = [row for row in rows if row.dataset == dataset]
        metrics = list(dict.fromkeys(row.metric for row in mine))
        seeds = max((row.seeds for row in mine), default=0)
        table = Table(title=f"{mine[0].task} on {corpus.info.label}", title_justify="left", header_style="bold")
        for column in ("baseline", "encoder"):
            table.add_column(column)
        for metric in metrics:
            table.add_column(metric.upper(), justify="right")
        table.add_column(f"Δ {primary.upper()} to {reference} [95 %]", justify="right")
        table.add_column("p (Holm)", justify="right")
        previous = None
        for system in dict.fromkeys((row.baseline, row.encoder) for row in mine):
            of_system = {row.metric: row for row in mine if (row.baseline, row.encoder) == system}
            if previous not in (None, system[0]):
                table.add_section()
            previous = system[0]
            lead = of_system[primary]
            table.add_row(*system, *(_mean(of_system[m]) for m in metrics), _delta(lead), _p(lead))
        console.print(table)
        size = max(mine, key=lambda row: row.n_queries)
        console.print(f"{size.n_queries} queries of {size.n_users} users in the test split, {seeds} seed{'s' * (seeds != 1)}.")
        for caveat in corpus.info.caveats:
            console.print(f"Note: {caveat}", highlight=False)
        console.print()
    note = "mean ± deviation over seeds; † p < 0.05 after Holm over all encoders, baselines and datasets above."
    if max((row.seeds for row in rows), default=0) == 1:
        note = "One seed: everything here is conditional on one trained model per encoder."
    console.print(note, highlight=False)


def _mean(row: SummaryRow) -> str:
    if row.status != "done" or row.mean is None:
        return row.status.upper()
    if row.std is None:
        return f"{row.mean:.3f}"
    digits = _digits(row.std / math.sqrt(row.seeds))
    return f"{row.mean:.{digits}f} ± {row.std:.{digits}f}"


def _delta(row: SummaryRow) -> str:
    if row.delta is None or row.ci_low is None or row.ci_high is None:
        return ""
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
