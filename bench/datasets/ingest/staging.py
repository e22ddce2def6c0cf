"""A file of the event log as a DuckDB table, with one type per kind of column."""

from __future__ import annotations

import glob
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from bench.datasets.ingest.column_sql import EXPECTED, absent_form, normal_form, unreadable
from bench.datasets.ingest.event_log import LOG_TABLES, LogColumn, csv_header
from bench.datasets.ingest.reader_errors import first_line, reader_error
from bench.errors import BenchError, did_you_mean


class StagedTable:
    """A file of the event log, staged: the log's columns in their normal forms (:mod:`.column_sql`).

    A column that the file omits is null. ``text``, ``title`` and ``words`` become one column ``words``.

    Args:
        db: the database; the table gets the name ``name``.
        name: a key of ``LOG_TABLES``.
        path: a Parquet or CSV file.

    Attributes:
        rows: number of rows.
        columns: DuckDB types of the file's columns, by name.
        ignored: names of columns that an event log does not have.

    Raises:
        BenchError: a column is missing or of a wrong type, or a value cannot be read; it names file, column and row.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection, name: str, path: Path) -> None:
        self.db, self.name, self.path = db, name, path
        self.columns = self._open()
        self.ignored = sorted(set(self.columns) - {column.name for column in LOG_TABLES[name]})
        present = [column for column in LOG_TABLES[name] if column.name in self.columns]
        self._require(present)
        forms = {column.name: self._form(column) for column in present}
        for column in LOG_TABLES[name]:
            forms.setdefault(column.name, absent_form(column))
        if "words" in forms:
            texts = [forms.pop(c.name) for c in LOG_TABLES[name] if c.kind in ("words", "text")]
            forms["words"] = f"coalesce({', '.join(texts)}, []::VARCHAR[])"
        selected = ", ".join(f"{form} AS {column}" for column, form in forms.items())
        try:
            db.execute(f"CREATE TABLE {name} AS SELECT {selected} FROM {self._scan}")
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            raise reader_error(error, path, lambda: self._broken_column(present)) from error
        self.rows: int = db.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
        if self.rows == 0:
            raise BenchError("the file has no rows", where=str(path))
        for column in present:
            self._check(column)

    def where(self, column: str) -> str:
        """The file and the column, for an error."""
        return f"{self.path}, column {column}"

    def _open(self) -> dict[str, str]:
        """Sets the table function that scans the file; returns names and DuckDB types of the file's columns."""
        path = _quoted(glob.escape(str(self.path)))
        if self.path.suffix == ".csv":
            names = ", ".join(f"{_quoted(name)}: 'VARCHAR'" for name in csv_header(self.path))
            self._scan = f"read_csv({path}, columns = {{{names}}}, header = true, auto_detect = false, delim = ',', "
            self._scan += "quote = '\"', escape = '\"', nullstr = '')"
        else:
            self._scan = f"read_parquet({path}, hive_partitioning = false)"
            try:
                pq.read_metadata(self.path)
            except (pa.ArrowException, OSError) as error:
                what = str(error).split(".")[0]
                raise BenchError(f"not a readable Parquet file: {what}", where=str(self.path)) from error
        try:
            return {row[0]: row[1] for row in self.db.execute(f"DESCRIBE SELECT * FROM {self._scan}").fetchall()}
        except duckdb.Error as error:
            raise BenchError(first_line(error), where=str(self.path)) from error

    def _require(self, present: list[LogColumn]) -> None:
        """Raises where a required column, any text, or both user and session are missing."""
        names = {column.name for column in present}
        for column in LOG_TABLES[self.name]:
            if column.required and column.name not in names:
                hint = did_you_mean(column.name, self.columns)
                raise BenchError("the column is missing", where=self.where(column.name), fix=hint)
        texts = [column.name for column in LOG_TABLES[self.name] if column.kind in ("words", "text")]
        if texts and not names & set(texts):
            raise BenchError("the column is missing", where=self.where(" or ".join(texts)), fix="one of them is needed")
        if self.name == "queries" and not names & {"user", "session_id"}:
            fix = "sessions are cut by user unless session_id names them"
            raise BenchError("the column is missing", where=self.where("user"), fix=fix)

    def _form(self, column: LogColumn) -> str:
        file_type = self.columns[column.name]
        form = normal_form(column, file_type)
        if form is None:
            raise BenchError(f"is of type {file_type}, not {EXPECTED[column.kind]}", where=self.where(column.name))
        return form

    def _check(self, column: LogColumn) -> None:
        """Raises on the first value that could not be read; the file is read again only to name its row."""
        condition = unreadable(column)
        count = self.db.execute(f"SELECT count(*) FROM {self.name} WHERE {condition}").fetchall()[0][0]
        if not count:
            return
        form = self._form(column)
        numbered = f'SELECT row_number() OVER () AS row, "{column.name}" AS raw, {form} AS {column.name}'
        first = f"SELECT row, raw FROM ({numbered} FROM {self._scan}) WHERE {condition} ORDER BY row LIMIT 1"
        row, raw = self.db.execute(first).fetchall()[0]
        what = "there is no value" if raw is None else f"{_shortened(raw)} is not {EXPECTED[column.kind]}"
        more = f" ({count} such rows)" if count > 1 else ""
        raise BenchError(what + more, where=f"{self.path}, row {row}, column {column.name}")

    def _broken_column(self, present: list[LogColumn]) -> str | None:
        """The first column of a Parquet file that cannot be read."""
        for column in present:
            try:
                self.db.execute(f'SELECT count(hash("{column.name}")) FROM {self._scan}').fetchall()
            except duckdb.Error:
                return column.name
        return None


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
