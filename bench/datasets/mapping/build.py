"""From the files of a mapped log to the tables of an event log, as Parquet, and through ``ingest`` to a corpus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb

from bench.data.checksums import sha256_of
from bench.data.making import check_free
from bench.datasets.ingest.build import ingest
from bench.datasets.ingest.database import log_database
from bench.datasets.ingest.faults import Faults
from bench.datasets.ingest.options import IngestOptions
from bench.datasets.ingest.report import Conversion, IngestReport
from bench.datasets.mapping.model import UNKNOWN, LogMap, Part
from bench.datasets.mapping.parts import Forms, PartQuery
from bench.datasets.mapping.sources import Source, open_sources, read_source
from bench.datasets.mapping.unknown_items import unknown_items_sql
from bench.datasets.mapping.values import rank_of
from bench.datasets.sql_text import literal
from bench.errors import BenchError
from bench.files import scratch

_INGEST_STAGES = 11
_RANKS_UNKNOWN = (
    "the order in which items were shown is not known: ranks are from a hash, and a baseline that reads them is chance"
)


def ingest_mapped(
    source: str | Path,
    folder: str | Path,
    log_map: LogMap,
    *,
    name: str | None = None,
    licence: str = "unknown",
    options: IngestOptions | None = None,
    replace: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> IngestReport:
    """Writes the corpus of a log whose layout a map describes.

    Args:
        source: the log's folder.
        folder: the corpus folder to be written.
        log_map: see :func:`bench.datasets.mapping.read_map`.
        name, options, replace, progress: see :func:`bench.datasets.ingest.ingest`.
        licence: the licence of the data; that of the map where it is ``unknown``.

    Returns:
        the counts: rows of the files, and of the tables that were made of them.

    Raises:
        BenchError: files, columns or values are missing or wrong, or no session is left.
    """
    options, folder, source = options or IngestOptions(), Path(folder), Path(source)
    options.check()
    if not replace:
        check_free(folder)
    faults = Faults(str(source), drop=options.on_conflict == "drop")
    mine = len(log_map.files) + len(log_map.tables)
    total = mine + len(log_map.tables) + _INGEST_STAGES
    report = progress or (lambda done, of: None)
    with scratch(folder.with_name(f"{folder.name}.mapped")) as work:
        try:
            conversion = _convert(source, work, log_map, options, faults, lambda done: report(done, total))
        except duckdb.OutOfMemoryException as error:
            what = f"out of memory or disk: {str(error).splitlines()[0]}"
            raise BenchError(what, where=str(work), fix=f"memory_limit is {options.memory_limit}: raise it") from error
        return ingest(
            {table: work / table for table in log_map.tables},
            folder,
            name=name,
            licence=(log_map.licence or "unknown") if licence == "unknown" else licence,
            options=options,
            conversion=conversion,
            replace=replace,
            progress=lambda done, of: report(mine + done, total),
        )


def checked(log_map: LogMap, source: Path) -> list[str]:
    """Looks for the files and columns of a map; returns what each file is, and which of its columns are not used.

    Raises:
        BenchError: all that is missing.
    """
    faults, db = Faults(str(source), drop=False), duckdb.connect()
    sources = open_sources(db, log_map, source, faults)
    faults.settle()
    lines = []
    for name, found in sources.items():
        unused = [column for column in found.scan.columns if column not in found.used]
        how = f" with {' or '.join(sorted(found.scan.separators))}" if found.scan.separators else ""
        parts = f"{len(found.file.parts)} files, " if len(found.file.parts) > 1 else ""
        rest = f"; not used: {', '.join(unused)}" if unused else ""
        lines.append(f"{name}: {found.label}, {parts}{found.file.format}{how}, {len(found.used)} columns used{rest}")
    return [*lines, "all files and columns of the map are there"]


def _convert(
    source: Path, work: Path, log_map: LogMap, options: IngestOptions, faults: Faults, advance: Callable[[int], None]
) -> Conversion:
    """Writes the tables into folders of their names below ``work``."""
    done = 0
    database = work / "database"
    database.mkdir()
    with log_database(database, options) as db:
        sources = open_sources(db, log_map, source, faults)
        faults.settle()
        for found in sources.values():
            read_source(db, found, faults)
            advance(done := done + 1)
        faults.settle_lasting()
        tables = _Tables(db, log_map, sources, options, faults)
        for table in log_map.tables:
            tables.write(table, work / table)
            advance(done := done + 1)
    unranked = any(rank_of(part.columns.get("rank")) == UNKNOWN for part in log_map.parts)
    return Conversion(
        reader="map",
        files=_provenance(log_map, sources),
        options={"map": log_map.name},
        read={f"rows of {found.label}": found.rows for found in sources.values()},
        dropped=tables.dropped,
        notes=(f"read by the map {log_map.name}", *tables.notes),
        caveats=(*log_map.caveats, *((_RANKS_UNKNOWN,) if unranked else ())),
        made_of={table: f"made of {log_map.made_of(table)}" for table in log_map.tables},
        faults=faults,
    )


def _provenance(log_map: LogMap, sources: dict[str, Source]) -> dict[str, dict[str, str | int]]:
    paths = {"map": log_map.path}
    for name, found in sources.items():
        several = len(found.file.parts) > 1
        paths |= {f"{name} {n}" if several else name: part for n, part in enumerate(found.file.parts, start=1)}
    return {
        name: {"file": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for name, path in paths.items()
    }


class _Tables:
    """The event log's tables, written one by one.

    Args:
        db: the database with the files' tables.
        log_map: the map.
        sources: its files, read.
        options: ``null``.
        faults: gets what is wrong.

    Attributes:
        dropped: rows that became none of a table, by reason.
        notes: how the files were read.
    """

    def __init__(
        self,
        db: duckdb.DuckDBPyConnection,
        log_map: LogMap,
        sources: dict[str, Source],
        options: IngestOptions,
        faults: Faults,
    ) -> None:
        self._db, self._map, self._sources = db, log_map, sources
        self._null, self._faults = options.null, faults
        self._written: dict[str, Path] = {}
        self.dropped: dict[str, int] = {}
        self.notes: list[str] = []

    def write(self, table: str, folder: Path) -> None:
        """Writes the parts of a table as Parquet files of a folder; each file has all of the table's columns."""
        folder.mkdir()
        self._written[table] = folder
        parts = [part for part in self._map.parts if part.table == table]
        adds = table == "items" and self._map.unknown_items == "add"
        queries = [
            PartQuery(self._db, part, number, self._sources, self._null, self._faults, self.notes)
            for number, part in enumerate(parts)
        ]
        forms = Forms(as_text=len(parts) + adds > 1, as_list=len(parts) > 1 and any(q.is_list for q in queries))
        for number, (part, query) in enumerate(zip(parts, queries, strict=True)):
            rows = self._copy(query.sql(forms), folder / f"part-{number}.parquet")
            self._count(part, query, rows)
        if adds:
            sql = unknown_items_sql(self._written, self._null)
            added = self._copy(sql, folder / f"part-{len(parts)}.parquet")
            if added:
                self.notes.append(f"{added:,} items that were shown or clicked are in no catalogue, and have no words")

    def _count(self, part: Part, query: PartQuery, rows: int) -> None:
        """Counts rows that filters left out, and those that repeat a query or an item of its list."""
        label = self._sources[part.file].label
        merges = part.first or bool(rank_of(part.columns.get("rank")))
        if "items" in part.columns:  # a row became several
            if part.filters:
                self._drop(f"rows of {label} that are not for {part.table}", query.rows - query.kept())
            return
        kept = query.kept() if merges and part.filters else query.rows if merges else rows
        self._drop(f"rows of {label} that are not for {part.table}", query.rows - kept if part.filters else 0)
        if merges:
            what = "queries that stand in several rows" if part.first else "impressions that stand in several rows"
            self._drop(f"{what} of {label}", kept - rows)

    def _drop(self, reason: str, count: int) -> None:
        if count:
            self.dropped[reason] = self.dropped.get(reason, 0) + count

    def _copy(self, sql: str, path: Path) -> int:
        """Writes the result of a query; returns its number of rows."""
        try:
            return int(self._db.execute(f"COPY ({sql}) TO {literal(str(path))} (FORMAT parquet)").fetchall()[0][0])
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            raise BenchError(
                str(error).splitlines()[0], where=str(self._map.path), fix="see bench data maps"
            ) from error
