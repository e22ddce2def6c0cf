"""From an event log to a corpus: the files are staged, checked, cut into sessions, split and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from bench.data.checksums import sha256_of
from bench.data.corpus import read_info
from bench.data.making import to_be_made
from bench.data.schema import TABLES
from bench.data.writer import IMAGE_DIM, WORD_DIM, CorpusWriter
from bench.datasets.ingest.consistency import check_unique, check_vectors, join_impressions
from bench.datasets.ingest.database import log_database
from bench.datasets.ingest.event_log import find_files
from bench.datasets.ingest.numbering import number_images, number_words
from bench.datasets.ingest.options import IngestOptions
from bench.datasets.ingest.sessionise import sessionise
from bench.datasets.ingest.staging import StagedTable
from bench.datasets.ingest.write import WriteCorpus
from bench.errors import BenchError
from bench.files import scratch

_IDS = {"queries": "query_id", "items": "item_id", "images": "image_id", "word_vectors": "word"}
_MADE_VECTORS = (
    "the word vectors were made from this log: PPMI of the words of training queries and of item titles, "
    "truncated SVD, 50 dimensions"
)


@dataclass
class IngestReport:
    """What became of a log's rows.

    Attributes:
        read: rows of each file, by table.
        kept: rows of each table of the corpus, images and clicks among them.
        dropped: rows dropped, by reason.
        ignored_columns: columns that an event log does not have, by table.
    """

    read: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    ignored_columns: dict[str, list[str]] = field(default_factory=dict)


def ingest(
    source: str | Path | Mapping[str, str | Path],
    folder: str | Path,
    *,
    name: str | None = None,
    licence: str = "unknown",
    options: IngestOptions | None = None,
    replace: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> IngestReport:
    """Writes the corpus of an event log, whose files and columns ``INPUT_HELP`` describes.

    The corpus depends on the contents of the files and the options, not on the order of the rows. Memory is bounded by
    ``memory_limit``, plus the vocabulary and the columns of the corpus's sessions.

    Args:
        source: a folder with the files, or the file of each table by the table's name.
        folder: the corpus folder to be written.
        name: the corpus's name; by default that of the folder.
        licence: the licence of the data.
        options: see :class:`IngestOptions`.
        replace: overwrite the folder where it exists.
        progress: called with ``(stages done, stages in all)``.

    Returns:
        the counts, which corpus.toml keeps under ``source.report``.

    Raises:
        BenchError: a file, column or value is missing or wrong, or no session is left. It names file, column and row
            or value; nothing is left on disk.
    """
    options, folder = options or IngestOptions(), Path(folder)
    options.check()
    if folder.exists() and not replace:
        raise BenchError("is there already", where=str(folder), fix="choose another --out or remove it")
    files = find_files(source)
    with ExitStack() as stack:
        if not replace and not stack.enter_context(to_be_made(folder)):
            return _report_of_another(folder, name or folder.name, _provenance(files, options))
        work = stack.enter_context(scratch(folder))
        try:
            with log_database(work, options) as db:
                ingestion = _Ingestion(db, files, options, _Stages(progress, total=len(files) + 10))
                ingestion.read()
                ingestion.choose()
                ingestion.write(folder, name or folder.name, licence, replace)
            return ingestion.report
        except duckdb.OutOfMemoryException as error:
            what = f"out of memory or disk: {str(error).splitlines()[0]}"
            raise BenchError(what, where=str(work), fix=f"memory_limit is {options.memory_limit}: raise it") from error


def _report_of_another(folder: Path, name: str, source: dict[str, Any]) -> IngestReport:
    """The report of a process that made the same corpus while this one waited.

    Raises:
        BenchError: it made another one.
    """
    info = read_info(folder)
    if info.name != name or any(info.source.get(key) != value for key, value in source.items()):
        raise BenchError("is there already", where=str(folder), fix="choose another --out or remove it")
    return IngestReport(**info.source["report"])


class _Ingestion:
    """One log on its way into a corpus; its three parts are called in turn.

    Args:
        db: the database that the log is staged in.
        files: the log's files, by table.
        options: how sessions are cut, kept and split.
        advance: called after every stage.
    """

    def __init__(
        self, db: duckdb.DuckDBPyConnection, files: dict[str, Path], options: IngestOptions, advance: _Stages
    ) -> None:
        self.db, self.files, self.options, self.advance = db, files, options, advance
        self.staged: dict[str, StagedTable] = {}
        self.report = IngestReport()

    def read(self) -> None:
        """Stages every file, and checks each by itself."""
        for name, path in self.files.items():
            table = self.staged[name] = StagedTable(self.db, name, path)
            self.report.read[name] = table.rows
            if name in _IDS:
                check_unique(table, _IDS[name])
            if table.ignored:
                self.report.ignored_columns[name] = table.ignored
            self.advance()
        self.dims = {"images": IMAGE_DIM, "word_vectors": WORD_DIM}
        self.dims |= {name: check_vectors(self.staged[name]) for name in self.dims if name in self.staged}

    def choose(self) -> None:
        """Joins the tables, cuts the queries into sessions and drops the sessions that are not kept."""
        options, dropped = self.options, self.report.dropped
        dropped |= number_images(self.staged, self.db, drop=options.missing_images == "drop")
        self.advance()
        dropped["clicks that repeat another"] = join_impressions(self.staged, self.db)
        self.advance()
        by_reason = sessionise(
            self.staged["queries"],
            self.db,
            idle_minutes=options.idle_minutes,
            keep_text_only=options.keep_text_only,
        )
        dropped |= by_reason
        if not self.db.execute("SELECT 1 FROM sessions LIMIT 1").fetchall():
            reasons = ", ".join(f"{count} {reason}" for reason, count in by_reason.items() if count)
            fix = "text-only sessions can be kept" if not options.keep_text_only else "check kind, text and image"
            raise BenchError(f"no session is left: dropped {reasons}", where=str(self.files["queries"]), fix=fix)
        dropped |= number_words(self.staged, self.db)
        self.advance()

    def write(self, folder: Path, name: str, licence: str, replace: bool) -> None:
        """Streams the kept sessions, and all items, into the corpus."""
        source = _provenance(self.files, self.options)
        writer = CorpusWriter(
            folder,
            name=name,
            origin="log",
            licence=licence,
            caveats=() if "word_vectors" in self.staged else (_MADE_VECTORS,),
            source=source,
            word_dim=self.dims["word_vectors"],
            image_dim=self.dims["images"],
            image_dtype=np.float32,
            replace=replace,
        )
        with writer:
            writing = WriteCorpus(writer, self.db, seed=self.options.seed)
            for write_table in (
                partial(writing.sessions, self.options.test_share, self.options.valid_share, self.options.downstream),
                writing.images,
                writing.items,
                writing.queries,
                partial(writing.vocabulary, given="word_vectors" in self.staged),
            ):
                write_table()
                self.advance()
            clicks = writing.impressions()
            self.advance()
            read, kept = self.report.read, {name: writer.rows(name) for name in (*TABLES, "images")}
            self.report.kept |= kept | {"clicks": clicks}
            repeated = self.report.dropped["clicks that repeat another"]
            self.report.dropped["impressions of dropped queries"] = read["impressions"] - kept["impressions"]
            self.report.dropped["clicks of dropped queries"] = read["clicks"] - repeated - clicks
            self.report.dropped["images that nothing refers to"] = read.get("images", 0) - kept["images"]
            source["report"] = asdict(self.report)
        self.advance()


class _Stages:
    """The number of finished stages, reported at each call."""

    def __init__(self, progress: Callable[[int, int], None] | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)


def _provenance(files: dict[str, Path], options: IngestOptions) -> dict[str, Any]:
    """The corpus's ``source``: the options that decide its contents, and name, size and SHA-256 of every file."""
    entries = {
        name: {"file": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for name, path in files.items()
    }
    deciding = {key: value for key, value in asdict(options).items() if key not in ("memory_limit", "threads")}
    return {"options": deciding, "files": entries}
