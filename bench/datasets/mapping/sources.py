"""The files that a log mapping names: found, opened, and read into tables, each row once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from bench.datasets.ingest.faults import Faults, of_rows
from bench.datasets.ingest.log_files import LogFile, log_file
from bench.datasets.ingest.reader_errors import reader_error, rejected_lines
from bench.datasets.ingest.scans import Scan, scan_of
from bench.datasets.mapping.model import LogMap, MapFile, Part
from bench.datasets.sql_text import identifier
from bench.errors import BenchError, did_you_mean


@dataclass
class Source:
    """A file of a mapped log.

    Attributes:
        named: what the map says of it.
        file: where it stands.
        scan: how it is read.
        used: the columns that the map uses.
        table: its name in the database; column ``cN`` is the N-th of ``used``, ``rowid`` counts rows from 0.
        rows: number of rows that were read, broken ones among them.
    """

    named: MapFile
    file: LogFile
    scan: Scan
    used: list[str] = field(default_factory=list)
    table: str = ""
    rows: int = 0

    @property
    def label(self) -> str:
        """What it is called in a report: its own name, or the glob of several."""
        if len(self.file.parts) == 1:
            return self.file.parts[0].name
        return " and ".join(self.named.paths)


def open_sources(db: duckdb.DuckDBPyConnection, log_map: LogMap, folder: Path, faults: Faults) -> dict[str, Source]:
    """Finds and opens the files of a map, and looks for the columns that it uses.

    Args:
        db: a database.
        log_map: the map.
        folder: the log's.
        faults: gets files and columns that are missing, and headers that cannot be read.

    Returns:
        the files that could be opened, by name.
    """
    if not folder.is_dir():
        raise BenchError("no such folder", where=str(folder), fix="give the folder with the log's files")
    sources = {}
    for number, (name, named) in enumerate(log_map.files.items()):
        file = _found(named, folder, faults)
        if file is None:
            continue
        try:
            sources[name] = Source(named, file, scan_of(db, file), table=f"source_{number}")
        except BenchError as error:
            faults.add(error.where or str(file.path), error.what, error.fix or "")
    for part in log_map.parts:
        _note_columns(part, sources, faults)
    return sources


def _found(named: MapFile, folder: Path, faults: Faults) -> LogFile | None:
    """The files of all globs as one; a folder of parts as Spark writes it is one of them."""
    paths = sorted({path for pattern in named.paths for path in folder.glob(pattern)})
    if not paths:
        there = [entry.name for entry in folder.iterdir()]
        hint = did_you_mean(Path(named.paths[0]).name, there)
        faults.add(f"{folder / named.paths[0]}", "no such file", hint if hint.startswith("did") else "")
        return None
    if len(paths) == 1:
        return log_file("", paths[0], faults, text=named.text)
    files = [file for path in paths if (file := log_file("", path, faults, text=named.text)) is not None]
    if len({file.format for file in files}) > 1:
        faults.add(f"{folder / named.paths[0]}", "its files have several formats", "keep those of one")
        return None
    parts = tuple(part for file in files for part in file.parts)
    return LogFile("", folder, parts, files[0].format, text=named.text) if files else None


def _note_columns(part: Part, sources: dict[str, Source], faults: Faults) -> None:
    """Notes which columns a part uses of which file; those that no file has are faults."""
    if any(name not in sources for name in (part.file, *(join.file for join in part.joins))):
        return  # the missing file is a fault already
    wanted = {(part.file, mine) for join in part.joins for mine, _ in join.on}
    wanted |= {(join.file, theirs) for join in part.joins for _, theirs in join.on}
    for name in part.names:
        owner = owner_of(name, part, sources)
        if owner is not None:
            wanted.add(owner)
            continue
        at_hand = [*sources[part.file].scan.columns]
        at_hand += [f"{join.file}.{column}" for join in part.joins for column in sources[join.file].scan.columns]
        faults.add(
            f"{sources[part.file].file.path}, column {name}", "the column is missing", did_you_mean(name, at_hand)
        )
    for file, column in sorted(wanted):
        if column not in sources[file].scan.columns:
            hint = did_you_mean(column, sources[file].scan.columns)
            faults.add(f"{sources[file].file.path}, column {column}", "the column is missing", hint)
        elif column not in sources[file].used:
            sources[file].used.append(column)


def owner_of(name: str, part: Part, sources: dict[str, Source]) -> tuple[str, str] | None:
    """``(file, column)`` of a name in a part: a column of its file, or ``FILE.COLUMN`` of one that is joined."""
    if name in sources[part.file].scan.columns:
        return part.file, name
    for join in part.joins:
        column = name.removeprefix(f"{join.file}.")
        if column != name and column in sources[join.file].scan.columns:
            return join.file, column
    return None


def read_source(db: duckdb.DuckDBPyConnection, source: Source, faults: Faults) -> None:
    """Reads a file into its table; lines that cannot be read are faults, and are not in it."""
    chosen = [f"{identifier(name)} AS c{number}" for number, name in enumerate(source.used)]
    is_json, path = source.file.format == "json", source.file.path
    if is_json:
        chosen.append("readable")
    if not chosen:
        return
    try:
        db.execute(f"CREATE TABLE {source.table} AS SELECT {', '.join(chosen)} FROM ({source.scan.sql})")
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        fault = reader_error(error, path, lambda: None)
        faults.add(fault.where or str(path), fault.what, fault.fix or "")
        return
    source.rows = db.execute(f"SELECT count(*) FROM {source.table}").fetchall()[0][0]
    if source.file.format == "csv":
        rejected = rejected_lines(db, source.file, list(source.scan.columns))
        source.rows += rejected.lines
        reason = f"lines of {source.label} that are not CSV"
        faults.rows(rejected.lines, reason, rejected.where, rejected.what, rejected.fix)
        if rejected.rest_lost:
            fix = 'close the quote: the lines after it cannot be told apart; or quote = "", where quotes mean nothing'
            faults.add(rejected.where, rejected.what, fix)
    if is_json:
        unreadable = f"FROM {source.table} WHERE readable IS NOT TRUE"
        count, first = db.execute(f"SELECT count(*), min(rowid) {unreadable}").fetchall()[0]
        what = "the line is not a JSON object" + of_rows(count, source.rows)
        where = f"{path}, row {first + 1}" if count else ""
        faults.rows(count, f"lines of {source.label} that are not JSON", where, what)
        if count:
            db.execute(f"DELETE {unreadable}")
    if source.rows == 0:
        faults.add(str(path), "the file has no rows")
