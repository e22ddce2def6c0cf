"""The released text files as DuckDB tables: every column as text, every broken line an error with its number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from bench.datasets.mmsession.files import Table
from bench.errors import BenchError

_LINE_BYTES = 64 << 20
"""Longest line that is read; a quote that is never closed would else swallow the rest of the file."""

_MACROS = r"""
CREATE MACRO blank(x) AS x IS NULL OR (strlen(x) < 20 AND lower(trim(x, '[]() ''"')) IN ('', 'nan', 'null', 'none'));
CREATE MACRO unbracketed(x) AS CASE WHEN starts_with(x, '[') OR starts_with(x, '(') OR starts_with(x, ' ')
    OR ends_with(x, ']') OR ends_with(x, ')') OR ends_with(x, ' ') THEN trim(x, '[]() ') ELSE x END;
CREATE MACRO bare(x) AS trim(x, '[](), ');
CREATE MACRO digest(x) AS md5(regexp_replace(bare(x), '[\s,;]+', ',', 'g'));
CREATE MACRO vector(x) AS TRY_CAST('[' || regexp_replace(bare(x), '[\s,;]+', ',', 'g') || ']' AS FLOAT[]);
CREATE MACRO split_code(x) AS CASE lower(trim(x))
    WHEN 'train' THEN 0 WHEN 'valid' THEN 1 WHEN 'val' THEN 1 WHEN 'dev' THEN 1 WHEN 'test' THEN 2 END;
CREATE MACRO kind_code(x) AS CASE lower(trim(x)) WHEN 'keyword_query' THEN 0 WHEN 'goods_query' THEN 1 END;
CREATE MACRO milliseconds(x) AS CASE
    WHEN regexp_full_match(x, '\d{8}') THEN epoch_ms(try_strptime(x, '%Y%m%d'))
    WHEN regexp_full_match(x, '\d{14}') THEN epoch_ms(try_strptime(x, '%Y%m%d%H%M%S'))
    WHEN regexp_full_match(x, '\d{9,10}(\.\d*)?') THEN (x::DOUBLE * 1000)::BIGINT
    WHEN regexp_full_match(x, '\d{12,13}') THEN x::BIGINT
    WHEN regexp_full_match(x, '\d{15,16}') THEN x::BIGINT // 1000
    ELSE epoch_ms(TRY_CAST(x AS TIMESTAMP)) END;
"""


class Staging:
    """A DuckDB database on disk that holds the files while a corpus is made of them.

    Attributes:
        db: the connection.
        report: counts of what was found, filled on the way.
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
        """The one number that a query gives, 0 for null."""
        return int(self.rows(query)[0][0] or 0)

    def count(self, key: str, query: str) -> None:
        """Puts the number that a query gives into the report."""
        self.report[key] = self.number(query)

    def where(self, kind: str, row: int | None = None) -> str:
        """File, and line of a row counted from 0, for an error."""
        path = str(self.tables[kind].path)
        return path if row is None else f"{path}, row {row + 1}"

    def load(self, kind: str, unique: tuple[str, ...] = ()) -> None:
        """Reads a file into a table of its kind, its rows in the order of the lines.

        Args:
            kind: such as ``session``.
            unique: columns that name a row. A row that is there twice, word for word, is kept once and counted.

        Raises:
            BenchError: a broken line, an empty name, or one name for different rows.
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
            self._once(kind, unique)

    def _once(self, kind: str, unique: tuple[str, ...]) -> None:
        key = ", ".join(unique)
        self.run(
            f"""CREATE OR REPLACE TEMP TABLE again AS
                SELECT {key}, min(rowid) AS first, count(*) AS n FROM {kind} GROUP BY {key} HAVING n > 1"""
        )
        repeated = self.number("SELECT sum(n - 1) FROM again")
        self.report[f"{kind}_rows_repeated"] = repeated
        if not repeated:
            return
        row = ", ".join(f"coalesce({column}, '')" for column in self.tables[kind].columns)
        bad = self.rows(
            f"""SELECT {key}, max({kind}.rowid) AS last FROM {kind} JOIN again USING ({key}) GROUP BY {key}
                HAVING count(DISTINCT md5(concat_ws(chr(31), {row}))) > 1 ORDER BY last LIMIT 1"""
        )
        if bad:
            *names, last = bad[0]
            raise BenchError(
                f"{key} {', '.join(names)} is there again with other contents",
                where=self.where(kind, last),
                fix="keep one of the rows",
            )
        self.keep(
            kind, f"rowid NOT IN (SELECT {kind}.rowid FROM {kind} JOIN again USING ({key}) WHERE {kind}.rowid <> first)"
        )

    def keep(self, kind: str, condition: str) -> None:
        """Drops the other rows of a table and numbers its rows anew, since a deletion leaves row ids that may move."""
        self.run(f"CREATE TABLE kept AS SELECT * FROM {kind} WHERE {condition} ORDER BY rowid")
        self.run(f"DROP TABLE {kind}")
        self.run(f"ALTER TABLE kept RENAME TO {kind}")

    def one_width(self, relation: str, vector: str, row: str, kind: str) -> int | None:
        """The width that all vectors of a relation share; None where there are none.

        Raises:
            BenchError: names the first of a rarer width.
        """
        widths = self.rows(
            f"""SELECT len({vector}) AS width, count(*) AS n, min({row}) AS first FROM {relation}
                GROUP BY width ORDER BY n DESC, first"""
        )
        if len(widths) > 1:
            (most, n, _), (other, _, first) = widths[:2]
            raise BenchError(
                f"a vector of width {other} where {n} have width {most}",
                where=self.where(kind, first),
                fix="a line may be cut off",
            )
        return int(widths[0][0]) if widths else None


@contextmanager
def staging(beside: Path, tables: dict[str, Table], memory: str) -> Iterator[Staging]:
    """A database next to ``beside``, removed when the block ends, which keeps within ``memory`` by going to disk.

    Raises:
        BenchError: ``memory`` is no size, or too little.
    """
    beside.parent.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(prefix=f"{beside.name}.staging.", dir=beside.parent) as place,
        duckdb.connect(str(Path(place) / "staging.duckdb")) as db,
    ):
        try:
            db.execute(f"SET temp_directory = '{str(Path(place) / 'spill').replace(chr(39), chr(39) * 2)}'").fetchall()
            db.execute("SET memory_limit = ?", [memory]).fetchall()
        except duckdb.Error:
            raise BenchError(f"{memory!r} is not a size", where="memory", fix="such as 4GB") from None
        for statement in _MACROS.strip().split(";\n"):
            db.execute(statement).fetchall()
        try:
            yield Staging(db, tables)
        except duckdb.OutOfMemoryException:
            raise BenchError(f"{memory} is too little", where="memory", fix="raise it, such as memory=8GB") from None
        except duckdb.IOException as error:
            what = f"cannot be written: {str(error).splitlines()[0]}"
            fix = "free about twice the size of the released files"
            raise BenchError(what, where=str(beside.parent), fix=fix) from None


def _broken(error: duckdb.Error, path: Path) -> BenchError:
    """DuckDB's page about a broken line as one line."""
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
