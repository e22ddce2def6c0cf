"""The layouts of a run's table, from the fullest to the narrowest: metrics give way first, names last."""

from __future__ import annotations

from collections.abc import Sequence

from bench.evaluation.summary import SummaryRow
from bench.plugins.specs import REFERENCE
from bench.reports.fitting import Layout, Row
from bench.reports.labels import GROUPS
from bench.stats.marks import dagger
from bench.stats.rounding import written_interval, written_mean, written_p, written_seeds


def run_layouts(rows: Sequence[SummaryRow], primary: str) -> list[Layout]:
    """Layouts of the rows of one dataset, each narrower than the one before.

    Args:
        rows: of all systems and metrics.
        primary: the metric of the differences.
    """
    systems: dict[tuple[str, str], dict[str, SummaryRow]] = {}
    for row in rows:
        systems.setdefault((row.baseline, row.encoder), {})[row.metric] = row
    metrics = list(dict.fromkeys(row.metric for row in rows))
    others = [metric for metric in metrics if metric != primary]
    left_out = f"not shown at this width: {', '.join(metric.upper() for metric in others)}" if others else ""
    with_deviations = "; deviations of the metrics" if others else "not shown at this width: deviations of the metrics"
    return [
        _layout(systems, primary, metrics, bare=()),
        _layout(systems, primary, metrics, bare=(), broken=True),
        _layout(systems, primary, metrics, bare=others, broken=True),
        _layout(systems, primary, [primary], bare=(), broken=True, note=left_out),
        _layout(systems, primary, [primary], bare=(), broken=True, grouped=True, note=left_out),
        _layout(systems, primary, [primary], bare=metrics, broken=True, grouped=True, note=left_out + with_deviations),
        _layout(
            systems,
            primary,
            [primary],
            bare=metrics,
            broken=True,
            grouped=True,
            stacked=True,
            note=left_out + with_deviations,
        ),
    ]


def _layout(
    systems: dict[tuple[str, str], dict[str, SummaryRow]],
    primary: str,
    metrics: Sequence[str],
    bare: Sequence[str],
    broken: bool = False,
    grouped: bool = False,
    stacked: bool = False,
    note: str = "",
) -> Layout:
    """One layout.

    Args:
        systems: the rows of each baseline and encoder, by metric.
        primary: the metric of the differences.
        metrics: those that have a column.
        bare: those of them without a deviation.
        broken: the head of the differences takes two lines.
        grouped: a baseline is a heading of its encoders, not a column.
        stacked: intervals stand below their differences.
        note: what is left out.
    """
    difference = f"Δ {primary.upper()} to {REFERENCE} [95 %]"
    if broken:
        difference = f"Δ {primary.upper()}\nto {REFERENCE} [95 %]"
    names = ("encoder",) if grouped else ("baseline", "encoder")
    lettered = any(of_system[primary].groups for of_system in systems.values())
    letters = (GROUPS,) if lettered else ()
    head = (*names, *(metric.upper() for metric in metrics), *letters, difference, "p (Holm)")
    lines: list[Row] = []
    before: str | None = None
    for (baseline, encoder), of_system in systems.items():
        changes = before is not None and baseline != before
        if grouped and baseline != before:
            lines.append(Row((baseline,), rule=changes))
            changes = False
        before = baseline
        lead = of_system[primary]
        delta, seeds = written_difference(lead), written_seeds(lead.by_seed)
        numbers = [written_value(of_system[metric], metric not in bare) for metric in metrics]
        stub = (f"  {encoder}",) if grouped else (baseline, encoder)
        delta = delta.replace(" [", "\n[") if stacked else delta
        letters = (lead.groups or "",) if lettered else ()
        cells = (*stub, *numbers, *letters, f"{delta}\n{seeds}" if seeds else delta, written_p(lead.p_adjusted))
        bold = frozenset(len(stub) + place for place, metric in enumerate(metrics) if of_system[metric].bold)
        lines.append(Row(cells, rule=changes, bold=bold))
    return Layout(head, tuple(lines), left=len(names), note=note)


def written_value(row: SummaryRow, deviation: bool = True) -> str:
    """The mean over seeds, with its deviation or without; FAILED or MISSING where there is none."""
    if row.status != "done" or row.mean is None:
        return row.status.upper()
    text = written_mean(row.mean, row.std)
    return text if deviation else text.partition(" ± ")[0]


def written_difference(row: SummaryRow) -> str:
    """The difference to the reference, its mark and its interval."""
    if row.delta is None:
        return ""
    return written_interval(row.delta, row.ci_low, row.ci_high, dagger(row.p_adjusted, row.n_corpora or row.seeds))
