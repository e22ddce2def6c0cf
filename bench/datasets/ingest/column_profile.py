"""What is to be known of whole columns before they are read: units of time, ids that are doubles, nulls in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from bench.datasets.ingest.column_sql import ColumnReading, said_null, value_of
from bench.datasets.ingest.event_log import LogColumn
from bench.datasets.ingest.options import IngestOptions
from bench.datasets.ingest.times import UNIT_NAMES, last_year, number_of, unit_counts

_WHOLE = r"\s*[+-]?\d+(\.0*)?([eE]\+?\d+)?\s*"


@dataclass
class ColumnProfile:
    """How a column is read, and what was found out about it.

    Attributes:
        column: the column.
        options: the options of the ingestion.
        reading: how it is read.
        nulls: numbers of values that say null in words, by text.
        numbers: number of times that are numbers.
        refusal: why no value of the column can be read; empty where they can.
        fix: what to do about that.
    """

    column: LogColumn
    options: IngestOptions
    reading: ColumnReading = field(init=False)
    nulls: dict[str, int] = field(default_factory=dict)
    numbers: int = 0
    refusal: str = ""
    fix: str = ""

    def __post_init__(self) -> None:
        self.reading = ColumnReading(self.options.null, self.options.fold)


def profile_columns(
    db: duckdb.DuckDBPyConnection,
    table: str,
    columns: Sequence[LogColumn],
    types: dict[str, str],
    options: IngestOptions,
) -> dict[str, ColumnProfile]:
    """Profiles of the columns of a table as it was read, by name."""
    profiles = {column.name: ColumnProfile(column, options) for column in columns}
    for name, count, text in _nulls(db, table, [c.name for c in columns if types[c.name] == "VARCHAR"], options.null):
        profiles[name].nulls[text] = count
    for column in columns:
        profile, file_type = profiles[column.name], types[column.name]
        value = value_of(column.name, file_type, profile.reading)
        if column.kind == "time":
            _find_unit(db, table, value, file_type, profile)
        elif column.kind in ("id", "label") and file_type == "VARCHAR":
            whole = _are_whole_doubles(db, table, column.name, value)
            profile.reading = ColumnReading(options.null, options.fold, whole_doubles=whole)
    return profiles


def _nulls(
    db: duckdb.DuckDBPyConnection, table: str, names: list[str], null: tuple[str, ...]
) -> list[tuple[str, int, str]]:
    """``(column, rows, text)`` of the values that say null in words; tables are looked through once."""
    if not names:
        return []
    counts = ", ".join(f"count(*) FILTER ({said_null(name, null)})" for name in names)
    found = db.execute(f"SELECT {counts} FROM {table}").fetchall()[0]
    said = []
    for name, count in zip(names, found, strict=True):
        if count:
            by_text = (
                f'SELECT count(*), trim("{name}") FROM {table} WHERE {said_null(name, null)} GROUP BY 2 ORDER BY 2'
            )
            said += [(name, rows, text) for rows, text in db.execute(by_text).fetchall()]
    return said


def _are_whole_doubles(db: duckdb.DuckDBPyConnection, table: str, name: str, value: str) -> bool:
    """Whether ids in text are whole doubles: all are integers, and one of them has a point and zeros after it."""
    if not db.execute(f"""SELECT 1 FROM {table} WHERE suffix(rtrim("{name}"), '.0') LIMIT 1""").fetchall():
        return False
    odd = f"SELECT 1 FROM {table} WHERE NOT regexp_full_match({value}, '{_WHOLE}') LIMIT 1"
    return not db.execute(odd).fetchall()


def _find_unit(db: duckdb.DuckDBPyConnection, table: str, value: str, file_type: str, profile: ColumnProfile) -> None:
    """Chooses the unit of a column of times, or says why there is none."""
    asked, null = profile.options.time_unit, profile.options.null
    if file_type.startswith("TIMESTAMP") or file_type in ("DATE", '"NULL"'):
        profile.reading = ColumnReading(null, any_time=asked != "auto")
        return
    counts = unit_counts(value)
    number = number_of(value)
    sql = f"SELECT count({value}), count({number}), min({number}), {', '.join(counts.values())} FROM {table}"
    values, profile.numbers, least, *plausible = db.execute(sql).fetchall()[0]
    if asked != "auto":
        profile.reading = ColumnReading(null, unit=asked, any_time=True)
        return
    most, unit = max((count, -order, unit) for order, (count, unit) in enumerate(zip(plausible, counts, strict=True)))[
        ::2
    ]
    profile.reading = ColumnReading(null, unit=unit)
    if profile.numbers <= values / 2:
        return  # the others are faults of their rows
    if not most:
        example = db.execute(f"SELECT min({value}) FROM {table} WHERE {number} = ?", [least]).fetchall()[0][0]
        profile.refusal = f"{example!r} is not a timestamp: no unit puts such a number between 1990 and {last_year()}"
        profile.fix = f"name the unit by --time-unit {'|'.join(UNIT_NAMES)}, or write ISO text"
    elif unit == "yyyymmdd":
        example = int(least)
        profile.refusal = f"{example} is a day, not a time of day, and as seconds since 1970 it would lie in that year"
        profile.fix = "give the time of day; with a session_id, days can do: --time-unit yyyymmdd"
