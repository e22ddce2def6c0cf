"""From an event log to a corpus: the files are staged, checked, cut into sessions, split and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from bench.data.checksums import sha256_of
from bench.data.corpus import read_info
from bench.data.making import check_free, taken, to_be_made
from bench.data.mapped import mapped_array
from bench.data.schema import TABLES
from bench.data.shuffling import Zeros
from bench.data.writer import IMAGE_DIM, WORD_DIM, CorpusWriter
from bench.datasets.images.pictures import find_pictures, pillow
from bench.datasets.ingest.consistency import check_lengths, check_vectors
from bench.datasets.ingest.database import log_database
from bench.datasets.ingest.event_log import IDS
from bench.datasets.ingest.faults import Faults
from bench.datasets.ingest.given_split import check_given_split
from bench.datasets.ingest.lists import ListCounts, join_lists
from bench.datasets.ingest.log_files import LogFile, find_files
from bench.datasets.ingest.notes import notes_of
from bench.datasets.ingest.numbering import number_images, number_words
from bench.datasets.ingest.options import IngestOptions
from bench.datasets.ingest.picture_files import write_pictures
from bench.datasets.ingest.plausibility import doubts_of
from bench.datasets.ingest.repeats import unite_repeats
from bench.datasets.ingest.report import Conversion, IngestReport
from bench.datasets.ingest.sessionise import asks_images, check_actors, sessionise
from bench.datasets.ingest.splitting import LogSplit, split_log
from bench.datasets.ingest.staging import StagedTable
from bench.datasets.ingest.write import WriteCorpus
from bench.errors import BenchError
from bench.files import scratch

_MADE_VECTORS = (
    "the word vectors were made from this log: PPMI of the words of training queries and of {}, "
    "truncated SVD, 50 dimensions"
)


def ingest(
    source: str | Path | Mapping[str, str | Path],
    folder: str | Path,
    *,
    name: str | None = None,
    licence: str = "unknown",
    options: IngestOptions | None = None,
    conversion: Conversion | None = None,
    replace: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> IngestReport:
    """Writes the corpus of an event log, whose files and columns ``INPUT_HELP`` describes.

    The corpus depends on the contents of the files and the options, not on the order of the rows. Memory is bounded by
    ``memory_limit``, plus two million texts for word vectors, and the vocabulary.

    Args:
        source: a folder with the files, or the file of each table by the table's name.
        folder: the corpus folder to be written.
        name: the corpus's name; by default that of the folder.
        licence: the licence of the data.
        options: see :class:`IngestOptions`.
        conversion: what a reader of another format did to make these files; the corpus then says that it was read
            from its files, and not from these.
        replace: overwrite the folder where it exists.
        progress: called with ``(stages done, stages in all)``.

    Returns:
        the counts, which corpus.toml keeps under ``source.report``.

    Raises:
        BenchError: files, columns or values are missing or wrong, or no session is left. It names each kind of fault
            with file, column, an example and the number of rows; nothing is left on disk.
    """
    options, folder = options or IngestOptions(), Path(folder)
    options.check()
    if not replace:
        check_free(folder)
    log = "the log" if isinstance(source, Mapping) else str(source)
    drop = options.on_conflict == "drop"
    faults = conversion.faults if conversion and conversion.faults is not None else Faults(log, drop)
    pictures: dict[str, Path] = {}
    if options.pictures:
        pillow()
        pictures, _ = find_pictures(Path(options.pictures), "path")  # a folder is doubted before a log is read
    files = find_files(source, faults, conversion.made_of if conversion else None)
    faults.settle_lasting()
    with ExitStack() as stack:
        if not replace and not stack.enter_context(to_be_made(folder)):
            return _report_of_another(folder, name or folder.name, _provenance(files, options, conversion))
        work = stack.enter_context(scratch(folder))
        try:
            with log_database(work, options) as db:
                stages = _Stages(progress, total=len(files) + 11)
                ingestion = _Ingestion(db, files, options, faults, stages, partial(mapped_array, work), conversion)
                ingestion.read()
                ingestion.choose()
                ingestion.write(folder, name or folder.name, licence, replace, pictures)
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
        raise taken(folder)
    return IngestReport(**info.source["report"])


class _Ingestion:
    """One log on its way into a corpus; its three parts are called in turn.

    Args:
        db: the database that the log is staged in.
        files: the log's files, by table.
        options: how values are read, and how sessions are cut, kept and split.
        faults: those of the log.
        advance: called after every stage.
        zeros: makes arrays on disk.
        conversion: of a reader that made the files, if one did.
    """

    def __init__(
        self,
        db: duckdb.DuckDBPyConnection,
        files: dict[str, LogFile],
        options: IngestOptions,
        faults: Faults,
        advance: _Stages,
        zeros: Zeros,
        conversion: Conversion | None = None,
    ) -> None:
        self.db, self.files, self.options, self.faults, self.advance = db, files, options, faults, advance
        self.zeros, self.conversion = zeros, conversion
        self.staged: dict[str, StagedTable] = {}
        self.report = IngestReport()
        self.lists = ListCounts()
        self.split = LogSplit(np.zeros(0, dtype=np.int8))

    def read(self) -> None:
        """Opens every file, then stages them all, and checks each by itself."""
        self.staged = {name: StagedTable(self.db, file, self.options, self.faults) for name, file in self.files.items()}
        self.faults.settle_lasting()
        self.dims = {"images": IMAGE_DIM, "word_vectors": WORD_DIM}
        for name, table in self.staged.items():
            table.read()
            self.report.read[name] = table.rows
            if name in IDS and (identical := unite_repeats(table, self.faults)):
                self.report.identical[name] = identical
            if name in self.dims:
                self.dims[name] = check_vectors(table, self.faults)
            if name == "queries":
                check_given_split(table, self.faults)
                check_lengths(table, self.options.max_words, self.faults)
            if table.ignored:
                self.report.ignored_columns[name] = table.ignored
            self.advance()
        self.faults.settle_lasting()  # what follows from a table that cannot be read at all is no fault of the others

    def choose(self) -> None:
        """Joins the tables, cuts the queries into sessions and drops the sessions that are not kept."""
        options, dropped, queries = self.options, self.report.dropped, self.staged["queries"]
        dropped |= number_images(self.staged, self.db, self.faults, drop=options.missing_images == "drop")
        anonymous = check_actors(queries, self.db, self.faults, options)
        dropped["queries without a user or session"] = anonymous
        self.advance()
        self.lists = join_lists(self.staged, self.db, self.faults)
        self.faults.settle()
        dropped |= self.faults.dropped
        dropped["clicks that repeat another"] = self.lists.later_clicks
        self.report.identical |= {name: count for name, count in self.lists.identical.items() if count}
        self.advance()
        text_log = not asks_images(self.db)
        by_reason = sessionise(queries, self.db, options, keep_text_only=options.keep_text_only or text_log)
        dropped |= by_reason
        if not self.db.execute("SELECT 1 FROM sessions LIMIT 1").fetchall():
            reasons = ", ".join(f"{count} {reason}" for reason, count in by_reason.items() if count)
            lacks_images = by_reason["sessions without an image query"]
            fix = "--keep-text-only keeps sessions of text" if lacks_images else "check kind, text and image"
            raise BenchError(f"no session is left: dropped {reasons}", where=queries.file.label, fix=fix)
        self.split = split_log(self.db, options, self.zeros)
        dropped |= self.split.dropped
        dropped |= number_words(self.staged, self.db)
        self.advance()
        doubts = doubts_of(self.staged, self.db, options)
        self.report.measures, self.report.warnings = doubts.measures, [*doubts.warnings, *self.split.warnings]
        self.report.notes = [*notes_of(self.staged, self.lists), *self.split.notes]
        if text_log and not options.keep_text_only:
            self.report.notes.insert(0, "no query of the log has an image, so sessions are kept without one")
        self.advance()

    def write(self, folder: Path, name: str, licence: str, replace: bool, pictures: Mapping[str, Path]) -> None:
        """Streams the kept sessions, all items, and small pictures of the files ``pictures``, into the corpus."""
        source = _provenance(self.files, self.options, self.conversion)
        writer = CorpusWriter(
            folder,
            name=name,
            origin="log",
            licence=licence,
            caveats=self._caveats(),
            source=source,
            split=self.options.split,
            word_dim=self.dims["word_vectors"],
            image_dim=self.dims["images"],
            image_dtype=np.float32,
            replace=replace,
        )
        with writer:
            writing = WriteCorpus(writer, self.db, self.split, seed=self.options.seed)
            for write_table in (
                partial(writing.sessions, self.options.downstream),
                writing.images,
                writing.items,
                writing.queries,
                partial(writing.vocabulary, given="word_vectors" in self.staged),
            ):
                write_table()
                self.advance()
            clicks = writing.impressions()
            self.advance()
            self._account(writer, clicks)
            if pictures:
                self.report.notes += write_pictures(writer, self.db, pictures)
            source["report"] = asdict(self.report)
        self.advance()

    def _caveats(self) -> tuple[str, ...]:
        made = () if "word_vectors" in self.staged else (_MADE_VECTORS.format(self.split.titles),)
        own = (*self.split.caveats, *made)
        return own if self.conversion is None else (*self.conversion.caveats, *own)

    def _account(self, writer: CorpusWriter, clicks: int) -> None:
        """Completes the counts of rows: what was read is kept, identical to another row, or dropped for one reason."""
        report, lists = self.report, self.lists
        report.kept |= {name: writer.rows(name) for name in (*TABLES, "images")} | {"clicks": clicks}
        explained = {"impressions": 0, "clicks": lists.later_clicks + lists.orphaned_clicks}
        for name, count in explained.items():
            mine = count + lists.lost[name] + self.staged[name].lost + report.identical.get(name, 0)
            report.dropped[f"{name} of dropped queries"] = report.read[name] - mine - report.kept[name]
        report.dropped["clicks on dropped impressions"] = lists.orphaned_clicks
        used = report.kept["images"] + report.identical.get("images", 0)
        report.dropped["images that nothing refers to"] = report.read.get("images", 0) - used
        report.dropped = {reason: count for reason, count in report.dropped.items() if count}
        if self.conversion is not None:
            report.converted_from(self.conversion)


class _Stages:
    """The number of finished stages, reported at each call."""

    def __init__(self, progress: Callable[[int, int], None] | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)


def _provenance(files: dict[str, LogFile], options: IngestOptions, conversion: Conversion | None) -> dict[str, Any]:
    """The corpus's ``source``: the options that decide its contents, and name, size and SHA-256 of every file.

    That of a folder is the hash of its parts' hashes. Of a log in another format the files are the reader's.
    """
    deciding = {key: value for key, value in asdict(options).items() if key not in ("memory_limit", "threads")}
    deciding |= {"null": list(options.null)}
    if not options.pictures:  # most corpora have none, and say nothing of them
        del deciding["pictures"]
    if conversion is not None:
        read_with = {**deciding, **conversion.options}
        return {"reader": conversion.reader, "options": read_with, "files": dict(conversion.files)}
    entries = {}
    for name, file in files.items():
        sums = [sha256_of(part) for part in file.parts]
        one = sums[0] if file.parts == (file.path,) else sha256("".join(sums).encode()).hexdigest()
        entries[name] = {
            "file": file.path.name,
            "bytes": sum(part.stat().st_size for part in file.parts),
            "sha256": one,
        }
    return {"options": deciding, "files": entries}
