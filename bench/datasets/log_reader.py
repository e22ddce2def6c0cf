"""What readers of logs in a format of their own share: from files to an event log in a scratch folder to a corpus."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from bench.data.checksums import sha256_of
from bench.data.download import is_url
from bench.data.making import check_free
from bench.datasets.ingest.build import ingest
from bench.datasets.ingest.database import log_database
from bench.datasets.ingest.event_log import LOG_TABLES
from bench.datasets.ingest.faults import Faults
from bench.datasets.ingest.options import IngestOptions
from bench.datasets.ingest.report import Conversion, IngestReport
from bench.datasets.ingest.spelling import as_settings
from bench.datasets.sql_text import literal
from bench.errors import BenchError
from bench.files import scratch
from bench.progress import Progress

_NAMES = "|".join(LOG_TABLES)


@dataclass(frozen=True)
class Reading:
    """A log that a reader turns into an event log.

    Attributes:
        db: a database for the reader's tables, on disk, with a bound on memory.
        tables: the folder that gets the event log, a file ``NAME.parquet`` for each table.
        faults: gets the rows that cannot be read or contradict others; they are to be left out of the tables.
        advance: called once after each of the reader's stages.
    """

    db: duckdb.DuckDBPyConnection
    tables: Path
    faults: Faults
    advance: Callable[[], None]

    def write(self, table: str, sql: str) -> int:
        """Writes the result of a query as a table of the event log; returns the number of rows."""
        file = literal(str(self.tables / f"{table}.parquet"))
        return int(self.db.execute(f"COPY ({sql}) TO {file} (FORMAT parquet)").fetchall()[0][0])

    def count(self, table: str) -> int:
        """Number of rows of a table, or of what a query in brackets selects."""
        return int(self.db.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def corpus_of_log(
    folder: Path,
    name: str,
    licence: str,
    source: str | Path,
    options: IngestOptions,
    convert: Callable[[Reading], Conversion],
    stages: int,
    progress: Progress | None,
) -> IngestReport:
    """Writes the corpus of a log that ``convert`` turns into an event log.

    Args:
        folder: the corpus folder to be written; it must not exist.
        name, licence: see :func:`bench.datasets.ingest.ingest`.
        source: the files, for errors.
        options: of the ingestion.
        convert: writes the tables, and says what it read.
        stages: that ``convert`` advances by.
        progress: called with ``(stages done, stages in all)``.

    Raises:
        BenchError: a file, a column or a value is missing or wrong; nothing is left on disk.
    """
    check_free(folder)
    options.check()
    tell = progress or (lambda done, total: None)
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        tell(done, stages + 20)

    with scratch(folder.with_name(f"{folder.name}.reading")) as work:
        tables = work / "tables"
        tables.mkdir()
        faults = Faults(str(source), options.on_conflict == "drop", "--set on_conflict=drop")
        try:
            with log_database(work, options) as db:
                conversion = convert(Reading(db, tables, faults, advance))
            faults.settle()
            return ingest(
                {file.stem: file for file in sorted(tables.glob("*.parquet"))},
                folder,
                name=name,
                licence=licence,
                options=options,
                conversion=conversion,
                replace=True,  # whoever makes the corpus of a dataset holds its lock
                progress=lambda mine, total: tell(stages + mine, stages + total),
            )
        except BenchError as error:
            where, fix = _in_readers_words(error.where, tables), _in_readers_words(error.fix, tables)
            where = str(source) if where == "the log" else where
            raise BenchError(_in_readers_words(error.what, tables) or "", where=where, fix=fix) from error
        except duckdb.OutOfMemoryException as error:
            what = f"out of memory or disk: {str(error).splitlines()[0]}"
            raise BenchError(what, where=str(work.parent), fix="free about twice the size of the files") from error
        except duckdb.Error as error:
            what = f"cannot be read: {str(error).splitlines()[0]}"
            raise BenchError(what, where=str(source), fix="fetch the files again") from error


def local_folder(source: str | Path, files: str) -> Path:
    """The folder that a user names.

    Args:
        source: what was typed.
        files: what is expected in it, for the error.

    Raises:
        BenchError: it is an address or no folder.
    """
    fix = f"give the folder with {files}"
    if is_url(source):
        raise BenchError("is not downloaded by this program", where=str(source), fix=fix)
    if not Path(source).is_dir():
        raise BenchError("no such folder", where=str(source), fix=fix)
    return Path(source)


def provenance(root: Path, files: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Name, size and SHA-256 of files, by their path below ``root``."""
    found = {}
    for file in files:
        key = file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name
        found[key] = {"file": file.name, "bytes": file.stat().st_size, "sha256": sha256_of(file)}
    return found


def _in_readers_words(text: str | None, tables: Path) -> str | None:
    """A message of the ingestion with the reader's options, and without paths and rows of files that go again."""
    if text is None:
        return None
    own = re.sub(rf"(?:{re.escape(str(tables))}/)?\b({_NAMES})\.parquet(, row \d+)?", r"the \1 of the log", text)
    return as_settings(own)
