"""Event-log files, read into a DuckDB database with one type per kind of column."""

from __future__ import annotations

import csv
import glob
import itertools
import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from bench.datasets.ingest.event_log import LOG_TABLES, LogColumn, csv_header
from bench.errors import BenchError, did_you_mean

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT"}
_FLOATS = {"FLOAT", "DOUBLE"}
_NOT_A_TIME = -(2**63)  # what a time that cannot be read becomes, so that it differs from a time that is not there
_MILLISECONDS_FROM = 10**11  # as seconds that is the year 5138, as milliseconds March 1973
_MICROSECONDS_FROM = 10**14

_EXPECTED = {
    "id": "text or an integer",
    "label": "text or an integer",
    "time": "a timestamp, ISO text, or integer seconds or milliseconds",
    "rank": "an integer from 1",
    "text": "text",
    "words": "a list of words",
    "vector": "a list of numbers",
}


class StagedTable:
    """A file of the event log as a table of the database: same columns, normal types, times in ms since 1970.

    Args:
        db: the database; the table gets the name ``name``.
        name: a key of ``LOG_TABLES``.
        path: a Parquet or CSV file.

    Attributes:
        rows: how many it has.
        columns: the file's columns with their DuckDB types.
        ignored: those of them that an event log does not have.

    Raises:
        BenchError: with file, row or value, and column: anything in the file that cannot be read as it should.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection, name: str, path: Path) -> None:
        self.db, self.name, self.path = db, name, path
        self.columns = self._open()
        self.ignored = sorted(set(self.columns) - {column.name for column in LOG_TABLES[name]})
        read = [column for column in LOG_TABLES[name] if column.name in self.columns]
        self._require(read)
        values = {column.name: self._value(column) for column in read}
        for column in LOG_TABLES[name]:
            values.setdefault(column.name, "NULL::VARCHAR[]" if column.kind in ("words", "text") else "NULL::VARCHAR")
        if "words" in values:
            texts = [values.pop(c.name) for c in LOG_TABLES[name] if c.kind in ("words", "text")]
            values["words"] = f"coalesce({', '.join(texts)}, []::VARCHAR[])"
        selected = ", ".join(f"{value} AS {column}" for column, value in values.items())
        try:
            db.execute(f"CREATE TABLE {name} AS SELECT {selected} FROM {self._scan}")
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            raise self._unreadable(error, read) from error
        self.rows: int = db.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
        if self.rows == 0:
            raise BenchError("the file has no rows", where=str(path))
        for column in read:
            self._check(column)

    def where(self, column: str) -> str:
        """The file and the column, for an error."""
        return f"{self.path}, column {column}"

    def _open(self) -> dict[str, str]:
        """Names and DuckDB types of the file's columns."""
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
            raise BenchError(_first_line(error), where=str(self.path)) from error

    def _require(self, read: list[LogColumn]) -> None:
        there = {column.name for column in read}
        for column in LOG_TABLES[self.name]:
            if column.required and column.name not in there:
                hint = did_you_mean(column.name, self.columns)
                raise BenchError("the column is missing", where=self.where(column.name), fix=hint)
        texts = [column.name for column in LOG_TABLES[self.name] if column.kind in ("words", "text")]
        if texts and not there & set(texts):
            raise BenchError("the column is missing", where=self.where(" or ".join(texts)))
        if self.name == "queries" and not there & {"user", "session_id"}:
            fix = "sessions are cut by user unless session_id says them"
            raise BenchError("the column is missing", where=self.where("user"), fix=fix)

    def _value(self, column: LogColumn) -> str:
        """SQL of the column's normal form; what cannot be read becomes null, or what ``_broken`` looks for."""
        name, kind = f'"{column.name}"', self.columns[column.name]
        text, integer, listed = kind == "VARCHAR", kind in _INTEGERS, kind.endswith("]")
        of = re.sub(r"\[\d*\]$", "", kind)
        if column.kind in ("id", "label", "text") and kind == '"NULL"':
            return "NULL::VARCHAR[]" if column.kind == "text" else "NULL::VARCHAR"
        if column.kind in ("id", "label") and (text or integer):
            return f"{name}::VARCHAR"
        if column.kind == "text" and text:
            return _split(name)
        if column.kind == "words" and listed and of in _INTEGERS | {"VARCHAR"}:
            return f"list_filter({name}::VARCHAR[], lambda w: w IS NOT NULL AND trim(w) <> '')"
        if column.kind == "words" and text:
            listed_words = f"coalesce(TRY_CAST(TRY_CAST({name} AS JSON) AS VARCHAR[]), [NULL])"
            return f"CASE WHEN starts_with(ltrim({name}), '[') THEN {listed_words} ELSE {_split(name)} END"
        if column.kind == "rank" and (text or integer):
            whole = f"regexp_full_match(trim({name}), '[+-]?\\d+')"
            return f"CASE WHEN {whole} THEN TRY_CAST({name} AS INTEGER) END" if text else f"TRY_CAST({name} AS INTEGER)"
        if column.kind == "vector" and listed and of in _INTEGERS | _FLOATS:
            return f"{name}::FLOAT[]"
        if column.kind == "vector" and text:
            bare = f"'[' || trim({name}, '[] ') || ']'"
            return f"coalesce(TRY_CAST({bare} AS FLOAT[]), [NULL])"
        if column.kind == "time" and kind.startswith("TIMESTAMP"):
            return f"epoch_ms({name})"
        if column.kind == "time" and integer:
            return _epoch(name)
        if column.kind == "time" and text:
            whole = f"regexp_full_match(trim({name}), '[+-]?\\d+')"
            moment = f"coalesce(epoch_ms(TRY_CAST({name} AS TIMESTAMPTZ)), {_NOT_A_TIME})"
            return f"CASE WHEN {name} IS NULL THEN NULL WHEN {whole} THEN {_epoch(name)} ELSE {moment} END"
        if column.kind == "time" and kind == '"NULL"' and not column.required:
            return "NULL::BIGINT"
        raise BenchError(f"is of type {kind}, not {_EXPECTED[column.kind]}", where=self.where(column.name))

    def _check(self, column: LogColumn) -> None:
        """Finds values that could not be read, and nulls; the file is read again only to say in which row."""
        broken = {
            "time": f"time = {_NOT_A_TIME}",
            "words": "list_contains(words, NULL) OR len(words) > list_count(words)",
            "rank": "rank < 1",
            "vector": "len(vector) = 0 OR len(vector) > list_count(vector)",
        }.get(column.kind, "false")
        null = f"{column.name} IS NULL" if column.required else "false"
        found = self.db.execute(f"SELECT 1 FROM {self.name} WHERE ({broken}) OR ({null}) LIMIT 1").fetchall()
        if not found:
            return
        value = f'SELECT row_number() OVER () AS row, "{column.name}" AS raw, {self._value(column)} AS {column.name}'
        first = f"SELECT row, raw FROM ({value} FROM {self._scan}) WHERE ({broken}) OR ({null}) ORDER BY row LIMIT 1"
        row, raw = self.db.execute(first).fetchall()[0]
        what = "there is no value" if raw is None else f"{_shortened(raw)} is not {_EXPECTED[column.kind]}"
        raise BenchError(what, where=f"{self.path}, row {row}, column {column.name}")

    def _unreadable(self, error: duckdb.Error, read: list[LogColumn]) -> BenchError:
        """What a reader's error means, with the row (CSV) or the column (Parquet) that it happened in."""
        broken_text = re.search(r"utf-?8|unicode", str(error), re.IGNORECASE) is not None
        what = "the text is not UTF-8" if broken_text else _first_line(error)
        place = str(self.path)
        if line := re.search(r"Line: (\d+)", str(error)):
            place += f", line {line[1]}"
            name = _broken_field(self.path, int(line[1])) if broken_text else None
            place += f", column {name}" if name else ""
            what = what if broken_text else _csv_reason(str(error))
        elif self.path.suffix == ".parquet":
            for column in read:
                try:
                    self.db.execute(f'SELECT count(hash("{column.name}")) FROM {self._scan}').fetchall()
                except duckdb.Error:
                    place += f", column {column.name}"
                    break
        return BenchError(what, where=place, fix="convert it" if broken_text else "write the file again")


def _split(text: str) -> str:
    return f"list_filter(regexp_split_to_array({text}, '\\s+'), lambda w: w <> '')"


def _epoch(value: str) -> str:
    number = f"TRY_CAST({value} AS BIGINT)"
    milliseconds = f"CASE WHEN abs({number}) < {_MILLISECONDS_FROM} THEN {number} * 1000 ELSE {number} END"
    known = f"abs({number}) < {_MICROSECONDS_FROM}"
    return f"CASE WHEN {value} IS NULL THEN NULL WHEN {known} THEN {milliseconds} ELSE {_NOT_A_TIME} END"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _shortened(value: object) -> str:
    said = repr(value)
    return said if len(said) <= 60 else said[:57] + "..."


def _first_line(error: duckdb.Error) -> str:
    if "state machine" in str(error):
        return "not CSV: its lines end in different ways, or a quote is not closed"
    return str(error).splitlines()[0]


def _csv_reason(message: str) -> str:
    """DuckDB prints the line itself first, then what is wrong with it."""
    for text in message.splitlines()[1:]:
        if re.match(r"Expected Number|Value with|Error when", text):
            return text
    return "not a line of CSV with the header's columns"


def _broken_field(path: Path, line: int) -> str | None:
    """The column of a CSV line that is not UTF-8; None where it cannot be told."""
    with path.open("rb") as file:
        raw = next(itertools.islice(file, line - 1, None), b"").decode("latin-1")
    for name, value in zip(csv_header(path), next(csv.reader([raw]), []), strict=False):
        try:
            value.encode("latin-1").decode("utf-8")
        except UnicodeDecodeError:
            return name
    return None
