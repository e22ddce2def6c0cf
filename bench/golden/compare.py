"""Comparison of golden tables with those computed now, and the update of golden tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.errors import BenchError
from bench.golden.tables import GoldenTable, golden_files, read_golden, rounded, write_golden
from bench.stats.regression import Number, Place, RegressionRow, compare_tables, mean_ndcg


def read_all(folder: Path, to_update: bool = False) -> dict[str, GoldenTable]:
    """The golden tables of a folder, by name.

    Args:
        folder: the folder.
        to_update: whether they are about to be written anew; then a file that cannot be read is left out.

    Raises:
        BenchError: a file is not a golden table.
    """
    tables = {}
    for file in golden_files(folder):
        try:
            tables[file.stem] = read_golden(file)
        except BenchError:
            if not to_update:
                raise
    return tables


def compare(golden: Mapping[str, GoldenTable], now: Sequence[GoldenTable]) -> list[RegressionRow]:
    """A row per number that is on either side; numbers of golden tables that the gate no longer has are missing now.

    Where tables were computed with other instructions, a last row compares the mean over all their NDCG.
    """
    rows: list[RegressionRow] = []
    foreign: list[RegressionRow] = []
    for table in now:
        before = golden.get(table.name)
        numbers: Mapping[Place, Number] = before.numbers if before else {}
        likeness = before.likeness(table) if before is not None else "same"
        compared = compare_tables(numbers, table.numbers, likeness)
        foreign += compared if likeness == "other instructions" else []
        rows += compared
    computed = {table.name for table in now}
    for name, table in golden.items():
        rows += [] if name in computed else compare_tables(table.numbers, {}, "same")
    whole = mean_ndcg(foreign)
    rows = sorted(rows, key=lambda row: (row.table, row.row, row.column))
    return rows if whole is None else [*rows, whole]


def reasons(golden: Mapping[str, GoldenTable], now: Sequence[GoldenTable]) -> list[str]:
    """Possible reasons for numbers that moved: one line for each option, corpus or version that differs."""
    lines = [f"{t.name}: {line}" for t in now if t.name in golden for line in golden[t.name].unlike(t)]
    computed = {table.name for table in now}
    return lines + [f"{name}: no table of the gate any more" for name in golden if name not in computed]


def update(folder: Path, golden: Mapping[str, GoldenTable], now: Sequence[GoldenTable]) -> list[str]:
    """Writes the golden tables that changed, and removes those that the gate no longer has.

    A number that passes the gate with the same instructions keeps its digits, so that a diff shows only what moved.

    Args:
        folder: of the golden files.
        golden: its tables, by name.
        now: the tables computed now.

    Returns:
        names of the files that were written or removed.
    """
    changed = []
    for table in now:
        before = golden.get(table.name)
        after = _settled(before, rounded(table)) if before else table
        if before is None or before.unlike(after) or dict(before.numbers) != dict(after.numbers):
            write_golden(after, folder)
            changed.append(f"{table.name}.json")
    for name in golden:
        if name not in {table.name for table in now}:
            (folder / f"{name}.json").unlink()
            changed.append(f"{name}.json (removed)")
    return changed


def _settled(before: GoldenTable, now: GoldenTable) -> GoldenTable:
    """The table computed now, with the golden digits of numbers that pass with the same instructions."""
    if before.likeness(now) != "same":
        return now
    rows = compare_tables(before.numbers, now.numbers, "same")
    same = {(row.table, row.row, row.column) for row in rows if row.passed}
    numbers = {at: before.numbers[at] if at in same else number for at, number in now.numbers.items()}
    return replace(now, numbers=numbers)
