"""The released text files as DuckDB tables: every column is text, and a broken line is an error with its number."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb

from bench.datasets.mmsession.files import Table
from bench.errors import BenchError

_LINE_BYTES = 64 << 20
"""Longest line that is read; a quote that is never closed would else swallow the rest of the file."""


class Staging:
    """A DuckDB database that holds the released files while they become a corpus.

    Args:
        db: the connection (:func:`bench.datasets.mmsession.database.staging`).
        tables: the released files, by kind.

    Attributes:
        report: counts of rows by what was read and left out, filled as tables are made.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection, tables: dict[str, Table]) -> None:
        self.db, self.tables = db, tables
        self.report: dict[str, Any] = {}

    def run(self, query: str) -> None:
        """Runs a statement."""
        self.db.execute(query).fetchall()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query with a small result."""
        return self.db.execute(query).fetchall()

    def number(self, query: str) -> int:
        """The result of a query of one number; 0 for null."""
        return int(self.rows(query)[0][0] or 0)

    def count(self, key: str, query: str) -> None:
        """Reports the result of a query of one number under ``key``."""
        self.report[key] = self.number(query)

    def where(self, kind: str, row: int | None = None) -> str:
        """The file of a kind, and a row of it (counted from 0) as people count, for an error."""
        path = str(self.tables[kind].path)
        return path if row is None else f"{path}, row {row + 1}"

    def load(self, kind: str, unique: tuple[str, ...] = ()) -> None:
        """Reads a file into a table named after its kind, rows in the order of the lines.

        Args:
            kind: the file's kind, such as ``session``.
            unique: columns that identify a row. A row that is repeated word for word is kept once and counted.

        Raises:
            BenchError: a line is broken, an identifying column is empty, or different rows share an identity.
        """
        table = self.tables[kind]
        try:
            self.db.execute(
                f"""CREATE TABLE {kind} AS SELECT * FROM read_csv(?, delim = ?, columns = ?, auto_detect = false,
                        header = true, quote = '"', escape = '"', comment = '', max_line_size = {_LINE_BYTES})""",
                [str(table.path), table.delimiter, dict.fromkeys(table.columns, "VARCHAR")],
            ).fetchall()
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            raise _broken(error, table.path) from None
        if self.number(f"SELECT count(*) FROM {kind}") == 0:
            raise BenchError("holds no rows", where=str(table.path), fix="copy it again")
        if table.cut:
            self.report["files_without_final_line_break"] = self.report.get("files_without_final_line_break", 0) + 1
        for column in unique:
            row = self.rows(f"SELECT min(rowid) FROM {kind} WHERE {column} IS NULL OR trim({column}) = ''")[0][0]
            if row is not None:
                raise BenchError(f"{column} is empty", where=self.where(kind, row), fix="remove the row or name it")
        if unique:
            self._drop_repeated(kind, unique)

    def _drop_repeated(self, kind: str, unique: tuple[str, ...]) -> None:
        """Keeps the first of equal rows; rows of one identity that differ are an error."""
        key = ", ".join(unique)
        self.run(
            f"""CREATE OR REPLACE TEMP TABLE repeated AS
                SELECT {key}, min(rowid) AS first, count(*) AS n FROM {kind} GROUP BY {key} HAVING n > 1"""
        )
        surplus = self.number("SELECT sum(n - 1) FROM repeated")
        self.report[f"{kind}_rows_repeated"] = surplus
        if not surplus:
            return
        contents = ", ".join(f"coalesce({column}, '')" for column in self.tables[kind].columns)
        differing = self.rows(
            f"""SELECT {key}, max({kind}.rowid) AS last, count(*) OVER () FROM {kind} JOIN repeated USING ({key})
                GROUP BY {key} HAVING count(DISTINCT md5(concat_ws(chr(31), {contents}))) > 1 ORDER BY last LIMIT 1"""
        )
        for *names, last, count in differing:
            more = f" ({count} such ids)" if count > 1 else ""
            raise BenchError(
                f"{key} {', '.join(names)} is there again with other contents{more}",
                where=self.where(kind, last),
                fix="keep one of the rows",
            )
        surplus_rows = f"SELECT {kind}.rowid FROM {kind} JOIN repeated USING ({key}) WHERE {kind}.rowid <> first"
        self.keep(kind, f"rowid NOT IN ({surplus_rows})")

    def keep(self, kind: str, condition: str) -> None:
        """Drops the rows of a table that do not meet a condition, and numbers the others anew.

        The table is written again, since row ids may move after a DELETE.
        """
        self.run(f"CREATE TABLE kept AS SELECT * FROM {kind} WHERE {condition} ORDER BY rowid")
        self.run(f"DROP TABLE {kind}")
        self.run(f"ALTER TABLE kept RENAME TO {kind}")

    def one_width(self, relation: str, vector: str, row: str, kind: str) -> int | None:
        """The one width of a relation's vectors; None where there are none.

        Args:
            relation: a table, or a subquery in parentheses.
            vector: its column of vectors.
            row: its column of row numbers in the file.
            kind: the kind of the file, for the error.

        Raises:
            BenchError: widths differ; it names the first vector of the second most frequent width.
        """
        widths = self.rows(
            f"""SELECT len({vector}) AS width, count(*) AS n, min({row}) AS first FROM {relation}
                GROUP BY width ORDER BY n DESC, first"""
        )
        if len(widths) > 1:
            (width, usual, _), (rare_width, rare, first) = widths[:2]
            more = f" ({rare} such vectors)" if rare > 1 else ""
            raise BenchError(
                f"a vector of width {rare_width} where {usual} have width {width}{more}",
                where=self.where(kind, first),
                fix="a line may be cut off: copy the file again",
            )
        return int(widths[0][0]) if widths else None


def _broken(error: duckdb.Error, path: Path) -> BenchError:
    """The error about a line that DuckDB could not read: its message of many lines in one."""
    text = str(error)
    line = re.search(r"Line: (\d+)", text)
    where = str(path) if line is None else f"{path}, line {line[1]}"
    columns = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
    if columns:
        what = f"{columns[2]} columns instead of {columns[1]}"
    elif "utf-8" in text.lower():
        what = "not UTF-8"
    elif "quote" in text.lower():
        what = "a quote is not closed"
    elif "maximum line size" in text.lower():
        what = "a line is too long"
    else:
        what = f"cannot be read: {text.splitlines()[0]}"
    return BenchError(what, where=where, fix="the file may be cut off or in another encoding: copy it again")
