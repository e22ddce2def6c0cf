"""From the documents of a UBI log to the tables of an event log, which ``ingest`` makes a corpus of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import duckdb

from bench.data.making import check_free
from bench.datasets.ingest import Conversion, IngestOptions, IngestReport, ingest
from bench.datasets.ingest.database import log_database
from bench.datasets.ingest.faults import Faults
from bench.datasets.ingest.spelling import as_settings
from bench.datasets.sql_text import literals
from bench.datasets.ubi import UbiOptions
from bench.datasets.ubi.applications import choose_application
from bench.datasets.ubi.catalogue import list_items
from bench.datasets.ubi.clicked import join_clicks
from bench.datasets.ubi.documents import read_documents
from bench.datasets.ubi.faults import read_values
from bench.datasets.ubi.files import UbiFile, located, provenance
from bench.datasets.ubi.queries import gather_queries
from bench.datasets.ubi.sessions import give_sessions
from bench.datasets.ubi.shown import join_shown
from bench.datasets.ubi.tables import write_tables
from bench.datasets.ubi.typed_on import settle_typed_queries
from bench.errors import BenchError
from bench.files import scratch

_STAGES = 8
_STAGES_OF_INGEST = 15
_OPTION = "--set on_conflict=drop"
_CAVEAT = "a log of one shop: what it showed is what its own ranking chose"


def build(
    folder: Path,
    name: str,
    source: str | Path,
    options: UbiOptions,
    progress: Callable[[int, int], None] | None = None,
) -> IngestReport:
    """Writes the corpus; see :func:`bench.datasets.ubi.make`."""
    check_free(folder)
    log_options = IngestOptions.of_reader(options, memory_limit=options.memory_limit, null=())
    log_options.check()
    told = progress or (lambda done, total: None)
    total = _STAGES + _STAGES_OF_INGEST + bool(options.images)
    with scratch(folder.with_name(f"{folder.name}.log")) as work, located(source, work) as (files, others):
        try:
            with log_database(work, log_options) as db:
                reading = _Reading(db, options, Faults(str(source), options.on_conflict == "drop", _OPTION))
                for stage, step in enumerate(reading.steps(files, others), start=1):
                    step()
                    told(stage, total)
                tables = write_tables(db, work, options, reading.has_sessions)
        except duckdb.OutOfMemoryException as error:
            what = f"out of memory or disk: {str(error).splitlines()[0]}"
            fix = f"--set memory_limit=4GB; it is {options.memory_limit}"
            raise BenchError(what, where=str(source), fix=fix) from error
        (work / "log.duckdb").unlink(missing_ok=True)  # nothing of the log is needed any more
        try:
            return ingest(
                tables,
                folder,
                name=name,
                options=log_options,
                conversion=reading.conversion(files),
                replace=True,  # the lock of the folder is the caller's
                progress=lambda done, _: told(_STAGES + done, total),
            )
        except BenchError as error:
            raise BenchError(
                as_settings(error.what), where=error.where, fix=as_settings(error.fix or "") or None
            ) from None


class _Reading:
    """A log on its way into the tables of an event log.

    Args:
        db: the database that it is read into.
        options: the reader's.
        faults: those of the log.

    Attributes:
        has_sessions: whether queries have session ids.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection, options: UbiOptions, faults: Faults) -> None:
        self.db, self.options, self.faults = db, options, faults
        self.has_sessions = False
        self._impressions, self._clicks = _actions(options.impressions), _actions(options.clicks)
        self._acts = f"{self._impressions}, {self._clicks}"
        self._total = 0
        self._read: dict[str, int] = {}
        self._dropped: dict[str, int] = {}
        self._notes: list[str] = []
        self._warnings: list[str] = []
        self._catalogue: list[UbiFile] = []

    def steps(self, files: list[UbiFile], others: list[str]) -> list[Callable[[], None]]:
        """What is done to the log, in order; :data:`_STAGES` steps.

        Args:
            files: the log's.
            others: names of files beside them that are not read.
        """
        if others:
            more = f" and {len(others) - 5:,} more" if len(others) > 5 else ""
            self._notes.append(f"not read, as they are no log: {', '.join(others[:5])}{more}")
        return [
            lambda: self._read_documents(files),
            self._choose_application,
            self._read_values,
            self._gather_queries,
            self._give_sessions,
            self._join_lists,
            self._list_items,
            self._settle,
        ]

    def conversion(self, files: list[UbiFile]) -> Conversion:
        """What was read, left out and noticed."""
        catalogue = provenance(self._catalogue, "items")
        vectors = [UbiFile(Path(self.options.images), "parquet", "")] if self.options.images else []
        return Conversion(
            "ubi",
            {**provenance(files, "log"), **catalogue, **provenance(vectors, "images")},
            options={key: value for key, value in asdict(self.options).items() if key != "memory_limit"},
            read=self._read,
            dropped={**self._dropped, **self.faults.dropped},
            notes=tuple(self._notes),
            warnings=tuple(self._warnings),
            caveats=(_CAVEAT,),
        )

    def _read_documents(self, files: list[UbiFile]) -> None:
        types = tuple(name.strip() for name in self.options.query_messages.split(",") if name.strip())
        self._total = read_documents(self.db, files, types, self.options.product_query_key)
        self._read["documents"] = self._total

    def _choose_application(self) -> None:
        _, dropped, notes = choose_application(self.db, self.options.application)
        self._dropped |= dropped
        self._notes += notes

    def _read_values(self) -> None:
        dropped, notes = read_values(self.db, self.faults, self._impressions, self._total)
        self._dropped |= dropped
        self._notes += notes
        rows, impressions, clicks, others = self.db.execute(f"""
            SELECT (SELECT count(*) FROM requests), count(*) FILTER (action IN ({self._impressions})),
                   count(*) FILTER (action IN ({self._clicks})), count(*) FILTER (action NOT IN ({self._acts}))
            FROM events
        """).fetchall()[0]
        self._read |= {"query rows": rows, "impressions": impressions, "clicks": clicks}
        self._dropped["events of other actions"] = others
        if others:
            most = self.db.execute(f"""
                SELECT action, count(*) FROM events WHERE action NOT IN ({self._acts})
                GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 8
            """).fetchall()
            said = ", ".join(f"{action} {count:,}" for action, count in most)
            self._notes.append(f"actions that are neither impressions nor clicks: {said}")
        if rows + impressions + clicks + others == 0:
            self.faults.settle()
            raise BenchError("no document is a query or an event", where="the log", fix="is this a UBI log?")

    def _gather_queries(self) -> None:
        dropped, notes = gather_queries(self.db, self._acts)
        self._dropped |= dropped
        self._notes += notes

    def _give_sessions(self) -> None:
        self.has_sessions, dropped, notes = give_sessions(self.db, self.faults, self.options, self._clicks)
        self._dropped |= dropped
        self._notes += notes
        dropped, warnings = settle_typed_queries(self.db, self.options, self._clicks)
        self._dropped |= dropped
        self._warnings += warnings

    def _join_lists(self) -> None:
        dropped, notes, warnings = join_shown(self.db, self.faults, self._impressions)
        self._dropped |= {**dropped, **join_clicks(self.db, self.faults, self._clicks)}
        self._notes += notes
        self._warnings += warnings

    def _settle(self) -> None:
        """Raises the faults that stop the reading, and refuses a log of which no list or no click is left."""
        self.faults.settle()
        for table, what, option in (("shown", "impression", "impressions"), ("clicked", "click", "clicks")):
            if not self.db.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall():
                dropped = ", ".join(f"{n:,} {why}" for why, n in {**self._dropped, **self.faults.dropped}.items() if n)
                fix = f"--set {option}=ACTION names the action; " + "; ".join(self._notes[:3])
                raise BenchError(f"no {what} is left; dropped: {dropped or 'nothing'}", where="the log", fix=fix)

    def _list_items(self) -> None:
        self._catalogue, notes, warnings = list_items(self.db, self.options)
        self._notes += notes
        self._warnings += warnings


def _actions(names: str) -> str:
    """Names with commas between them as a list in SQL; no action is called by an empty name."""
    return literals(tuple(name.strip() for name in names.split(",") if name.strip()) or ("",))
