"""DuckDB's errors about a log file as one line: what is wrong, in which line or column."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from bench.datasets.ingest.headers import csv_header
from bench.datasets.ingest.log_files import LogFile
from bench.errors import BenchError

_NOT_UTF8 = "the text is not UTF-8"


@dataclass(frozen=True)
class Rejected:
    """Lines of a text that are not CSV with the header's columns.

    Attributes:
        lines: how many.
        where: the first of them.
        what: what is wrong with it, and their number.
        fix: what to do.
        rest_lost: whether a quote is not closed, so that what follows is not known.
    """

    lines: int = 0
    where: str = ""
    what: str = ""
    fix: str = ""
    rest_lost: bool = False


def rejected_lines(db: duckdb.DuckDBPyConnection, file: LogFile, columns: Sequence[str]) -> Rejected:
    """The lines that DuckDB's reader rejected since the last call, which empties its list of them.

    Args:
        db: the database that the file was read in.
        file: the file.
        columns: names of its columns.
    """
    if not db.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'").fetchall():
        return Rejected()
    lines, unclosed = db.execute("""
        SELECT count(DISTINCT (scan_id, file_id, line)), coalesce(bool_or(error_type = 'UNQUOTED VALUE'), false)
        FROM reject_errors
    """).fetchall()[0]
    first = db.execute("""
        SELECT file_path, line, column_idx, error_type, error_message
        FROM reject_errors JOIN reject_scans USING (scan_id, file_id)
        ORDER BY error_type <> 'UNQUOTED VALUE', file_path, line LIMIT 1
    """).fetchall()
    db.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
    if not first:
        return Rejected()
    path, line, column, kind, message = first[0]
    where, fix = f"{path}, line {line}", "write the file again"
    what = message if kind != "UNQUOTED VALUE" else "a quote is not closed"
    if kind == "INVALID ENCODING":
        what, fix = _NOT_UTF8, "convert it"
        names = csv_header(Path(path), file.table, file.text)[0]
        where += f", column {names[column - 1].strip()}" if 0 < column <= len(names) else ""
    if size := re.search(r"Maximum line size of (\d+) bytes exceeded. Actual Size: ?(\d+)", message):
        what = f"a line of {int(size[2]):,} bytes, and {int(size[1]):,} is the most that is read"
        fix = "shorten its longest field, or give the log as Parquet"
    more = f" ({lines:,} such lines)" if lines > 1 else ""
    return Rejected(lines, where, what.rstrip(".") + more, fix, unclosed)


def reader_error(error: duckdb.Error, path: Path, broken_column: Callable[[], str | None]) -> BenchError:
    """The error of a file that DuckDB could not read.

    Args:
        error: DuckDB's, which spans many lines.
        path: the file, or the folder of its parts.
        broken_column: finds the column that cannot be read; called only where the error is of no line, as it reads.

    Returns:
        an error that names the line of a text and, where it can be found, the column.
    """
    not_utf8 = re.search(r"utf-?8|unicode", str(error), re.IGNORECASE) is not None
    what = _NOT_UTF8 if not_utf8 else first_line(error)
    where = str(path)
    if line := re.search(r"Line: (\d+)", str(error)):
        where += f", line {line[1]}"
    elif column := broken_column():
        where += f", column {column}"
    return BenchError(what, where=where, fix="convert it" if not_utf8 else "write the file again")


def first_line(error: duckdb.Error) -> str:
    """The first line of DuckDB's message, in other words where that line says nothing of the file."""
    if "state machine" in str(error):
        return "not CSV: its lines end in different ways, or a quote is not closed"
    return str(error).splitlines()[0]
