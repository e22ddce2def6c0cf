"""A file of the event log as a DuckDB table, with one type per kind of column and without the rows that have faults."""

from __future__ import annotations

from functools import cached_property

import duckdb

from bench.datasets.ingest.column_profile import ColumnProfile, profile_columns
from bench.datasets.ingest.column_sql import absent_form, expected, form_of, value_of
from bench.datasets.ingest.database import GONE
from bench.datasets.ingest.event_log import LOG_TABLES, LogColumn, columns_to_read
from bench.datasets.ingest.faults import Faults, of_rows, shortened
from bench.datasets.ingest.log_files import LogFile
from bench.datasets.ingest.options import IngestOptions
from bench.datasets.ingest.reader_errors import Rejected, reader_error, rejected_lines
from bench.datasets.ingest.scans import PART, scan_of
from bench.errors import BenchError, did_you_mean

_KIND = (
    "keyword for what was typed, product for a search by an item or image; a log of typed queries has keyword in all"
)
"""What is said where queries have no kind: few logs have such a column, and no other's name is like it."""


class StagedTable:
    """A file of the event log, opened, and staged by :meth:`read`: the log's columns in their normal forms.

    A column that the file omits is null. ``text``, ``title`` and ``words`` become one column ``words``, and a list of
    items a row for each.

    Args:
        db: the database; the table gets the name ``name``.
        file: where the table stands.
        options: how values are read.
        faults: gets what is wrong.

    Attributes:
        name: a key of ``LOG_TABLES``.
        columns: DuckDB types of the file's columns, by name.
        ignored: names of columns that an event log does not have.
        rows: number of rows that were read, faulty ones among them.
        lost: number of rows that are not staged for a fault.
        profiles: how the columns were read, and what they say, by name.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection, file: LogFile, options: IngestOptions, faults: Faults) -> None:
        self.db, self.file, self.name = db, file, file.table
        self._options, self._faults = options, faults
        self.rows, self.lost = 0, 0
        self.profiles: dict[str, ColumnProfile] = {}
        try:
            self.scan = scan_of(db, file)
        except BenchError as error:
            faults.add(error.where or file.label, error.what, error.fix or "")
            self.columns: dict[str, str] = {}
            return
        self.columns = self.scan.columns
        self.ignored = sorted(set(self.columns) - {column.name for column in LOG_TABLES[self.name]})
        self._require()

    def where(self, column: str) -> str:
        """The file and the column, for an error."""
        return f"{self.file.label}, column {column}"

    @cached_property
    def _wanted(self) -> tuple[LogColumn, ...]:
        return columns_to_read(self.name, set(self.columns))

    @cached_property
    def _present(self) -> list[LogColumn]:
        return [column for column in self._wanted if column.name in self.columns]

    def read(self) -> None:
        """Stages the rows; those that cannot be read are faults, and are not staged."""
        raw = f"raw_{self.name}"
        part = f', "{PART}"' if len(self.file.parts) > 1 else ""
        readable = ", readable" if self.file.format == "json" else ""
        chosen = ", ".join(f'"{column.name}"' for column in self._present) + part + readable
        rejected, unreadable = Rejected(), False
        try:
            self.db.execute(f"CREATE TABLE {raw} AS SELECT {chosen} FROM ({self.scan.sql})")
            if self.file.format == "csv":
                rejected = rejected_lines(self.db, self.file, list(self.columns))
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            fault = reader_error(error, self.file.path, self._broken_column)
            self._faults.add(fault.where or "", fault.what, fault.fix or "")
            self.db.execute(f"CREATE OR REPLACE TABLE {raw} AS SELECT {self._empty()} WHERE false")
            unreadable = True
        staged_rows = self.db.execute(f"SELECT count(*) FROM {raw}").fetchall()[0][0]
        self.rows = staged_rows + rejected.lines
        if rejected.lines:
            reason = f"lines of {self.file.path.name} that are not CSV"
            self._faults.rows(rejected.lines, reason, rejected.where, rejected.what, rejected.fix)
        if rejected.rest_lost:
            self._faults.add(rejected.where, rejected.what, "close the quote: the lines after it cannot be told apart")
        if self.rows == 0 and not unreadable:
            self._faults.add(self.file.label, "the file has no rows")
        self.profiles = profile_columns(self.db, raw, self._present, self.columns, self._options)
        self._stage(raw, numbered=not rejected.lines)
        self.db.execute(f"DROP TABLE {raw}")
        if self.name in ("impressions", "clicks") and "items" in {column.name for column in self._present}:
            self._explode()

    def _empty(self) -> str:
        """The columns of a raw table, without a row to be selected."""
        columns = [f'NULL::{self.columns[column.name]} AS "{column.name}"' for column in self._present]
        return ", ".join([*columns, f'NULL::VARCHAR AS "{PART}"', "NULL::BOOLEAN AS readable"])

    def _require(self) -> None:
        """Notes as faults: a required column, any text, or both user and session are missing, or a type is wrong."""
        names = {column.name for column in self._present}
        shown = ", ".join(map(repr, self.columns)) or "none that can be read"
        separators = " or ".join(sorted(self.scan.separators))
        between = f" with {separators} as the separator" if separators else ""
        for column in self._wanted:
            if column.required and column.name not in names:
                hint = did_you_mean(column.name, self.columns)
                hint = hint if hint.startswith("did") else f"the file has {shown}{between}"
                hint = _KIND if column.name == "kind" else hint
                self._faults.add(self.where(column.name), "the column is missing", hint)
        texts = [column.name for column in LOG_TABLES[self.name] if column.kind in ("words", "text")]
        if texts and not names & set(texts):
            self._faults.add(self.where(" or ".join(texts)), "the column is missing", "one of them is needed")
        if self.name == "queries" and not names & {"user", "session_id"}:
            fix = "sessions are cut by user unless session_id names them"
            self._faults.add(self.where("user"), "the column is missing", fix)
        for column in self._present:
            file_type, reading = self.columns[column.name], ColumnProfile(column, self._options).reading
            if form_of(column, f'"{column.name}"', file_type, reading) is None:
                what = f"is of type {file_type}, not {expected(column, reading)}"
                self._faults.add(self.where(column.name), what)

    def _stage(self, raw: str, numbered: bool) -> None:
        """Brings the columns into their normal forms; ``numbered`` says that rows have the numbers of the file."""
        values, forms, cases = ["rowid AS place"], {}, []  # a large table's rows are not staged in their order
        if self.file.format == "json":
            values.append("readable")
            cases.append("WHEN readable IS NOT TRUE THEN 1")
        for number, column in enumerate(self._present, start=2):
            profile, file_type = self.profiles[column.name], self.columns[column.name]
            values.append(f'{value_of(column.name, file_type, profile.reading)} AS "value of {column.name}"')
            value = f'"value of {column.name}"'
            forms[column.name] = form_of(column, value, file_type, profile.reading) or absent_form(column)
            wrong = f'"form of {column.name}" IS NULL' + ("" if column.required else f" AND {value} IS NOT NULL")
            cases.append(f"WHEN {wrong} THEN {number}")
            if profile.refusal:
                self._faults.add(self.where(column.name), profile.refusal, profile.fix)
        named = ", ".join(f'{form} AS "form of {name}"' for name, form in forms.items())
        fault = f"(CASE {' '.join(cases)} ELSE 0 END)::UTINYINT AS fault"
        self.db.execute(f"""
            CREATE TABLE {self.name} AS SELECT {self._outputs()}, {fault}, place
            FROM (SELECT *, {named} FROM (SELECT {", ".join(values)} FROM {raw}))
        """)
        refused = {number for number, column in enumerate(self._present, start=2) if self.profiles[column.name].refusal}
        counts = f"SELECT fault, count(*), min(place) FROM {self.name} WHERE fault > 0 GROUP BY fault ORDER BY fault"
        found = self.db.execute(counts).fetchall()
        for fault_number, count, row in found:
            if fault_number not in refused:
                self._note(raw, fault_number, count, row, numbered)
        if found:
            if self.name in GONE:
                ids = ", ".join(GONE[self.name])
                self.db.execute(f"INSERT INTO gone_{self.name} SELECT {ids} FROM {self.name} WHERE fault > 0")
            self.db.execute(f"DELETE FROM {self.name} WHERE fault > 0")
        self.lost = self.rows - self.db.execute(f"SELECT count(*) FROM {self.name}").fetchall()[0][0]
        self.db.execute(f"ALTER TABLE {self.name} DROP COLUMN fault; ALTER TABLE {self.name} DROP COLUMN place")

    def _outputs(self) -> str:
        """The columns of the staged table, from the forms of those that the file has."""
        names = {column.name for column in self._present}
        forms = {
            column.name: f'"form of {column.name}"' if column.name in names else absent_form(column)
            for column in LOG_TABLES[self.name]
            if not (column.kind == "ids" and column.name not in names)
        }
        if "words" in forms:
            texts = [forms.pop(c.name) for c in LOG_TABLES[self.name] if c.kind in ("words", "text")]
            forms["words"] = f"coalesce({', '.join(texts)}, []::VARCHAR[])"
        return ", ".join(f"{form} AS {name}" for name, form in forms.items())

    def _note(self, raw: str, fault: int, count: int, row: int, numbered: bool) -> None:
        """Notes the rows of one fault, with the first of them as an example."""
        part, number = self.file.label, row
        if len(self.file.parts) > 1:
            part = self.db.execute(f'SELECT "{PART}" FROM {raw} WHERE rowid = {row}').fetchall()[0][0]
            before = self.db.execute(f'SELECT min(rowid) FROM {raw} WHERE "{PART}" = ?', [part]).fetchall()[0][0]
            number = row - before
        where = f"{part}, row {number + 1}" if numbered and not self.file.made_of else part
        if fault == 1:
            what = "the line is not a JSON object" + of_rows(count, self.rows)
            self._faults.rows(count, f"lines of {self.file.path.name} that are not JSON", where, what)
            return
        column = self._present[fault - 2]
        value = value_of(column.name, self.columns[column.name], self.profiles[column.name].reading)
        sql = f'SELECT "{column.name}", {value} IS NULL FROM {raw} WHERE rowid = {row}'
        found, is_null = self.db.execute(sql).fetchall()[0]
        what = f"{shortened(found)} is not {expected(column, self.profiles[column.name].reading)}"
        if is_null:
            what = "there is no value" + (f", only {shortened(found)}" if found else "")
        reason = f"rows of {self.name} without a readable {column.name}"
        more = of_rows(count, self.rows) if count > 1 else ""
        written = column.kind == "time" and not is_null and self.columns[column.name] == "VARCHAR"
        fix = 'a log mapping reads times of other forms, see format = "%d.%m.%Y" in bench data maps' if written else ""
        self._faults.rows(count, reason, f"{where}, column {column.name}", what + more, fix)

    def _explode(self) -> None:
        """Makes a row of each item of a list, ranked as the list is."""
        ranked = "unnest(items) AS item_id, unnest(range(1, len(items) + 1))::INTEGER AS rank"
        kept = "* EXCLUDE (items, item_id, rank)" if self.name == "impressions" else "* EXCLUDE (items, item_id)"
        chosen = ranked if self.name == "impressions" else "unnest(items) AS item_id"
        self.db.execute(f"""
            CREATE TABLE exploded AS SELECT {kept}, {chosen} FROM {self.name};
            DROP TABLE {self.name};
            ALTER TABLE exploded RENAME TO {self.name}
        """)
        self.rows = self.lost + self.db.execute(f"SELECT count(*) FROM {self.name}").fetchall()[0][0]

    def _broken_column(self) -> str | None:
        """The first column of a Parquet file that cannot be read."""
        for column in self._present:
            try:
                self.db.execute(f'SELECT count(hash("{column.name}")) FROM ({self.scan.sql})').fetchall()
            except duckdb.Error:
                return column.name
        return None
