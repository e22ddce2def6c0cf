"""A log file as a DuckDB query: its columns by the names of an event log, whatever its format and number of parts."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from bench.data.expansion import UNREADABLE, check_packed, check_parquet, opened
from bench.datasets.ingest.headers import canonical_names, csv_header, separator_name
from bench.datasets.ingest.log_files import LogFile
from bench.datasets.ingest.reader_errors import first_line
from bench.datasets.sql_text import identifier, literal, literals
from bench.errors import BenchError

PART = "part of the log"
"""The column that has the path of the part that a row stands in; no file has one of this name."""


@dataclass
class Scan:
    """A query that reads a log file.

    Attributes:
        sql: selects the columns below and ``PART``.
        columns: DuckDB types of the columns, by name; text and JSON have VARCHAR only.
        renamed: spellings in the file that differ from these names.
        separators: of texts, in words.
    """

    sql: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    separators: set[str] = field(default_factory=set)


def scan_of(db: duckdb.DuckDBPyConnection, file: LogFile) -> Scan:
    """The query that reads a log file.

    Raises:
        BenchError: a header or a Parquet footer cannot be read, or two columns have one name.
    """
    scan = Scan()
    read = {"csv": _csv, "parquet": _parquet, "json": _json}[file.format]
    selected = read(db, file, scan)
    for key, name in _partitions(file).items():
        pattern = "/" + re.escape(key).replace("'", "''") + "=([^/]*)/"
        inside = f"regexp_extract(substr(\"{PART}\", {len(str(file.path)) + 1}), '{pattern}', 1)"
        scan.columns[name] = "VARCHAR"
        value = f"nullif(url_decode({inside}), '__HIVE_DEFAULT_PARTITION__')"
        selected = f"SELECT *, {value} AS {identifier(name)} FROM ({selected})"
    scan.sql = selected
    return scan


def _csv(db: duckdb.DuckDBPyConnection, file: LogFile, scan: Scan) -> str:
    """Parts with the same header are read at once; a line with other columns than the header's is rejected."""
    headers = {part: csv_header(part, file.table, file.text) for part in file.parts}
    selects = []
    quote = literal(file.text.quote)
    encoding = "" if file.text.encoding == "utf-8" else f"encoding = '{file.text.encoding}', "
    for (names, separator, has_header), parts in groupby(
        sorted(file.parts, key=lambda part: (headers[part], part)),
        key=lambda part: (tuple(headers[part][0]), *headers[part][1:]),
    ):
        known = _named(names, file, scan)
        scan.separators.add(separator_name(separator))
        types = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(len(names)))
        chosen = ", ".join(f"c{number} AS {identifier(name)}" for number, name in known.items())
        selects.append(
            f"""SELECT {chosen}, "{PART}" FROM read_csv([{_paths(parts)}], columns = {{{types}}}, """
            f"""header = {has_header}, auto_detect = false, delim = {literal(separator)}, quote = {quote}, """
            f"""escape = {quote}, {encoding}nullstr = '', """
            f"""filename = '{PART}', store_rejects = true, rejects_limit = 0)"""
        )
    return " UNION ALL BY NAME ".join(selects)


def _parquet(db: duckdb.DuckDBPyConnection, file: LogFile, scan: Scan) -> str:
    written: set[str] = set()
    for part in file.parts:
        check_parquet(part)
        try:
            names = pq.read_schema(part).names
        except (pa.ArrowException, OSError) as error:
            what = str(error).split(".")[0]
            raise BenchError(f"not a readable Parquet file: {what}", where=str(part), fix="write it again") from error
        _named(names, file, Scan())
        written.update(names)
    source = f"read_parquet([{_paths(file.parts)}], union_by_name = true, binary_as_string = true, "
    source += f"hive_partitioning = false, filename = '{PART}')"
    try:
        types = {row[0]: row[1] for row in db.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    except duckdb.Error as error:
        raise BenchError(first_line(error), where=str(file.path), fix="write it again") from error
    names = [name for name in types if name != PART]
    known = _named([name if name in written else "" for name in names], file, scan)  # DuckDB names what has no name
    scan.columns = {name: types[names[number]] for number, name in known.items()}
    chosen = ", ".join(f"{identifier(names[number])} AS {identifier(name)}" for number, name in known.items())
    return f'SELECT {chosen}, "{PART}" FROM {source}'


def _json(db: duckdb.DuckDBPyConnection, file: LogFile, scan: Scan) -> str:
    """Keys are those of all rows; values are text, lists among them as JSON. A line that is no object has no keys."""
    selects, lists = [], {part: _starts_a_list(part) for part in file.parts}
    for is_array, parts in groupby(sorted(lists, key=lists.__getitem__), key=lists.__getitem__):
        how = "format = 'array'" if is_array else "format = 'newline_delimited', ignore_errors = true"
        selects.append(f"SELECT json, \"{PART}\" FROM read_json_objects([{_paths(parts)}], {how}, filename = '{PART}')")
    source = " UNION ALL ".join(selects)
    try:
        keys = f"SELECT DISTINCT unnest(json_keys(json)) FROM ({source}) WHERE json_type(json) = 'OBJECT' ORDER BY 1"
        names = [row[0] for row in db.execute(keys).fetchall()]
    except duckdb.Error as error:
        raise BenchError(first_line(error), where=str(file.path), fix="write it again") from error
    known = _named(names, file, scan)
    paths = {number: names[number].replace("~", "~0").replace("/", "~1").replace("'", "''") for number in known}
    chosen = ", ".join([""] + [f"json ->> '/{paths[number]}' AS {identifier(name)}" for number, name in known.items()])
    return f"SELECT json_type(json) = 'OBJECT' AS readable{chosen}, \"{PART}\" FROM ({source})"


def _named(names: list[str] | tuple[str, ...], file: LogFile, scan: Scan) -> dict[int, str]:
    """Columns that have a name, by their number in the file; notes them in ``scan``."""
    partitions = _partitions(file).values()
    known = {
        number: name
        for number, name in enumerate(canonical_names(names, file.table, str(file.path)))
        if name is not None and name not in partitions
    }
    scan.columns |= dict.fromkeys(known.values(), "VARCHAR")
    scan.renamed |= {names[number]: name for number, name in known.items() if names[number] != name}
    return known


def _partitions(file: LogFile) -> dict[str, str]:
    """The columns that folders are named after, by their spelling there."""
    names = canonical_names(file.partitions, file.table, str(file.path))
    return {key: name for key, name in zip(file.partitions, names, strict=True) if name is not None}


def _starts_a_list(part: Path) -> bool:
    """Whether JSON is one list of objects, rather than an object on each line."""
    check_packed(part)
    try:
        with opened(part) as file:
            head = file.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n")
    except UNREADABLE as error:
        raise BenchError(f"cannot be read: {error}", where=str(part), fix="write it again") from error
    return head.startswith(b"[")


def _paths(parts: Iterable[Path]) -> str:
    return literals(glob.escape(str(part)) for part in parts)
