"""Tables as a browser needs them: numbers to sort by, and beside each what a reader may ask about it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.evaluation.experiment import Part
from bench.evaluation.tests import Results
from bench.plugins.specs import REFERENCE
from bench.printable import counted
from bench.reports.labels import dataset_label
from bench.reports.main_table import main_table
from bench.reports.table import Table
from bench.stats.marks import dagger
from bench.stats.rounding import written_interval, written_mean, written_p

_NUMBER = re.compile(r"[+\-−]?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class Entry:
    """A cell of a table.

    Attributes:
        text: what it shows.
        sort: the number that it is sorted by; None for what is none.
        bold: not separable from the best.
        letters: of its rank groups.
        facts: lines that hover and focus show.
        key: of the first cell behind it, which a click opens; empty for none.
    """

    text: str
    sort: float | None = None
    bold: bool = False
    letters: str = ""
    facts: tuple[str, ...] = ()
    key: str = ""


@dataclass(frozen=True)
class Grid:
    """A sortable table; every line has its stubs, then an entry per column."""

    id: str
    title: str
    stubs: tuple[str, ...]
    groups: tuple[tuple[str, int], ...]
    columns: tuple[str, ...]
    lines: tuple[tuple[tuple[str, ...], tuple[Entry, ...]], ...]
    notes: tuple[str, ...]


def main_grid(results: Results, part: Part) -> Grid:
    """The main table of a part: a line per baseline and encoder, a column per dataset and metric."""
    table, label = main_table(results, part), results.experiment.label
    columns = part.columns or part.metrics
    systems: dict[tuple[str, str], dict[tuple[str, str], Mapping[str, Any]]] = {}
    for row in table.rows:
        systems.setdefault((row["baseline"], row["encoder"]), {})[row["dataset"], row["metric"]] = row
    order = [(dataset, metric) for dataset in part.datasets for metric in columns]
    primary = part.metrics[0]
    return Grid(
        id=table.id,
        title=table.title,
        stubs=("Baseline", "Encoder"),
        groups=tuple((dataset_label(results, dataset), len(columns)) for dataset in part.datasets),
        columns=tuple(label(metric) for _, metric in order),
        lines=tuple(
            (
                (label(baseline), label(encoder)),
                tuple(_entry(results, part, rows.get(place), place[1] == primary) for place in order),
            )
            for (baseline, encoder), rows in systems.items()
        ),
        notes=table.notes,
    )


def plain_grid(table: Table) -> Grid:
    """Any other table; an entry is sorted by the first number in its text."""
    return Grid(
        id=table.id,
        title=table.title,
        stubs=table.stubs,
        groups=table.groups,
        columns=table.columns,
        lines=tuple(
            (line.stubs, tuple(Entry(cell.text, first_number(cell.text), cell.bold) for cell in line.cells))
            for line in table.lines
        ),
        notes=table.notes,
    )


def first_number(text: str) -> float | None:
    """The first number in a text; None without one."""
    found = _NUMBER.search(text)
    return float(found.group().replace(",", "").replace("−", "-")) if found else None


def _entry(results: Results, part: Part, row: Mapping[str, Any] | None, primary: bool) -> Entry:
    if row is None:  # not planned: a reference reads no session vector
        return Entry("")
    key = str(row["key"]).split(" ")[0]
    if row["status"] != "done" or row["mean"] is None:
        reason = (str(row["reason"]),) if row["reason"] else ()
        return Entry(str(row["status"]).upper() if row["status"] != "done" else "–", facts=reason, key=key)
    mark = dagger(row["p_adjusted"], row["n_corpora"] or row["seeds"])
    return Entry(
        text=written_mean(row["mean"], row["std"], row["error"]) + mark,
        sort=float(row["mean"]),
        bold=bool(row["bold"]),
        letters=str(row["groups"] or "") if primary else "",
        facts=tuple(_facts(results, part, row)),
        key=key,
    )


def _facts(results: Results, part: Part, row: Mapping[str, Any]) -> Sequence[str]:
    label = results.experiment.label
    facts = [f"{label(row['baseline'])}, {label(row['encoder'])}: {label(row['metric'])}"]
    interval = results.interval(part.id, row["dataset"], row["baseline"], row["encoder"], row["metric"])
    if interval is not None and math.isfinite(interval.low):
        mean = written_interval(interval.delta, interval.low, interval.high).replace("+", "")
        facts.append(f"mean {mean} (95 %)")
    if row["delta"] is not None:
        facts.append(f"Δ to {label(REFERENCE)} {written_interval(row['delta'], row['ci_low'], row['ci_high'])}")
        facts.append(
            f"p after Holm {written_p(row['p_adjusted'])}, {counted(row['family_size'], 'hypothesis', 'hypotheses')}"
        )
    if row["won"] is not None:
        facts.append(f"users: {row['won']} won, {row['tied']} tied, {row['lost']} lost")
    if row["groups"]:
        facts.append(f"rank groups: {row['groups']}")
    facts.append(f"{counted(row['seeds'], 'seed')}, {row['n_queries']} units of {row['n_users']} users")
    return facts
