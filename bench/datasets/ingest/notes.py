"""How a log was read where it could be read in several ways, a sentence each."""

from __future__ import annotations

from bench.datasets.ingest.lists import ListCounts
from bench.datasets.ingest.staging import StagedTable
from bench.datasets.ingest.times import UNIT_NAMES


def notes_of(staged: dict[str, StagedTable], lists: ListCounts) -> list[str]:
    """Units of time, spellings of columns, separators, nulls in words, and ranks, where there is something to say.

    Args:
        staged: the tables as they were read.
        lists: what became of impressions and clicks.
    """
    notes = []
    for name, table in staged.items():
        for column, profile in table.profiles.items():
            if profile.column.kind == "time" and profile.numbers:
                notes.append(f"{name}.{column} is read as {UNIT_NAMES[profile.reading.unit]}")
            for text, count in profile.nulls.items():
                notes.append(f"{name}.{column} says {text!r} in {count:,} rows, which is null")
            if profile.reading.whole_doubles:
                notes.append(f"{name}.{column} has integers that are written as doubles, such as 33.0 for 33")
        if others := table.scan.separators - {"a comma"}:
            notes.append(f"{name} has {' or '.join(sorted(others))} between columns")
        for spelling, column in table.scan.renamed.items():
            notes.append(f"{name}: the column {spelling!r} is read as {column}")
        if "ids" in {profile.column.kind for profile in table.profiles.values()}:
            notes.append(f"{name} has a list of items in a row, which became {table.rows:,} rows")
    if lists.from_zero:
        notes.append("ranks count from 0; 1 was added to each")
    if lists.chained:
        notes.append(f"ranks start again on each page of a query: {lists.chained:,} impressions are numbered on")
    return notes
