"""DuckDB's errors about a log file as one line: what is wrong, in which line or column."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Callable
from pathlib import Path

import duckdb

from bench.datasets.ingest.event_log import csv_header
from bench.errors import BenchError


def reader_error(error: duckdb.Error, path: Path, broken_column: Callable[[], str | None]) -> BenchError:
    """The error of a file that DuckDB could not read.

    Args:
        error: DuckDB's, which spans many lines.
        path: the CSV or Parquet file.
        broken_column: finds the Parquet column that cannot be read; called for Parquet files only, as it reads them.

    Returns:
        an error that names the line of a CSV file and, where it can be found, the column.
    """
    not_utf8 = re.search(r"utf-?8|unicode", str(error), re.IGNORECASE) is not None
    what = "the text is not UTF-8" if not_utf8 else first_line(error)
    where = str(path)
    column = None
    if line := re.search(r"Line: (\d+)", str(error)):
        where += f", line {line[1]}"
        column = _column_not_utf8(path, int(line[1])) if not_utf8 else None
        what = what if not_utf8 else _csv_reason(str(error))
    elif path.suffix == ".parquet":
        column = broken_column()
    where += f", column {column}" if column else ""
    return BenchError(what, where=where, fix="convert it" if not_utf8 else "write the file again")


def first_line(error: duckdb.Error) -> str:
    """The first line of DuckDB's message, in other words where that line says nothing of the file."""
    if "state machine" in str(error):
        return "not CSV: its lines end in different ways, or a quote is not closed"
    return str(error).splitlines()[0]


def _csv_reason(message: str) -> str:
    """What is wrong with a CSV line; DuckDB's message has the line itself first."""
    for text in message.splitlines()[1:]:
        if re.match(r"Expected Number|Value with|Error when", text):
            return text
    return "not a line of CSV with the header's columns"


def _column_not_utf8(path: Path, line: int) -> str | None:
    """The column of a CSV line whose value is not UTF-8; None where no value of the line is at fault."""
    with path.open("rb") as file:
        raw = next(itertools.islice(file, line - 1, None), b"").decode("latin-1")
    for name, value in zip(csv_header(path), next(csv.reader([raw]), []), strict=False):
        try:
            value.encode("latin-1").decode("utf-8")
        except UnicodeDecodeError:
            return name
    return None
