"""``bench embed`` as a function: the vectors of all sessions or prefixes, to a file or to a folder of shards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.claiming import claimed
from bench.data.corpus import Corpus
from bench.data.id_columns import ids_between
from bench.data.schema import SPLITS
from bench.data.vector_file import CORPUS
from bench.data.vector_parts import Made, Shards
from bench.data.vector_scan import QUERY, SESSION
from bench.data.vector_writer import VectorWriter
from bench.errors import BenchError
from bench.files import written_whole
from bench.progress import Progress, note
from bench.runs.embed import pretrained
from bench.runs.engines.local import check_limits
from bench.runs.extraction import BATCH, Extraction, bounds_of, encoded
from bench.runs.store import Store


@dataclass(frozen=True)
class Layout:
    """Where vectors go, and how they are stored.

    Attributes:
        to: a Parquet file, or, with ``shard_rows``, a folder.
        prefixes: a vector for every query, of its session up to and including it; otherwise for every session.
        shard_rows: rows of a file of the folder, rounded up to whole batches; None writes one file.
        half: numbers as float16.
    """

    to: Path
    prefixes: bool = False
    shard_rows: int | None = None
    half: bool = False


def embed_sessions(
    encoder: str,
    dataset: str,
    seed: int,
    settings: Sequence[str],
    device: str,
    store: Store,
    layout: Layout,
    progress: Callable[[str], Progress],
    jobs: int | None = None,
) -> int:
    """Writes session_id, split and vector of every session, or query_id, split and vector of every query.

    One file stands whole or not at all. A folder grows by whole shards: a run that was killed is gone on with by the
    same command, and a folder that holds other vectors is refused.

    Args:
        encoder, dataset, seed, settings, device: as typed by the user.
        store: where results are, and go.
        layout: where vectors go.
        progress: from a title to what is called with the progress of that work.
        jobs: processes; see :func:`bench.runs.extraction.encoded`.

    Returns:
        the number of vectors.

    Raises:
        BenchError: wrong names or options, a failed pretraining, or a folder of other vectors.
    """
    _check_place(layout)
    check_limits(jobs, None)
    job, corpus = pretrained(encoder, dataset, seed, settings, device, store, progress)
    extraction = Extraction(job, str(store.root), layout.prefixes)
    rows = extraction.rows(corpus)
    about = {"encoder": encoder, "key": job.key, CORPUS: corpus.info.fingerprint}
    told = progress(f"embedding {dataset}")
    if layout.shard_rows is None:
        with (
            written_whole(layout.to) as writing,
            encoded(extraction, bounds_of(0, rows, max(rows, 1)), rows, jobs) as some,
        ):
            _write(writing, _Rows(corpus, layout, about), 0, rows, some, told, rows)
        return rows
    size = -(-layout.shard_rows // BATCH) * BATCH
    unit, numbers = QUERY if layout.prefixes else SESSION, "float16" if layout.half else "float32"
    made = Made(encoder, job.key, corpus.info.fingerprint, unit, numbers, rows, size)
    with claimed(layout.to, lambda holder: note(f"waiting for {holder}, which writes {layout.to}")):
        shards = Shards(layout.to, made)
        done = shards.rows
        if done:
            note(f"{layout.to}: {done:,} of {rows:,} vectors are there")
        with encoded(extraction, bounds_of(done, rows, size), rows - done, jobs) as some:
            for start in range(done, rows, size):
                end = min(start + size, rows)
                with shards.next(end - start) as writing:
                    _write(writing, _Rows(corpus, layout, about), start, end, some, told, rows)
    return rows


@dataclass(frozen=True)
class _Rows:
    """The columns beside the vectors."""

    corpus: Corpus
    layout: Layout
    about: dict[str, str]

    @property
    def by(self) -> tuple[str, str]:
        """The table of the ids, and their column."""
        return ("queries", QUERY) if self.layout.prefixes else ("sessions", SESSION)

    def splits(self, start: int, end: int) -> pa.Array:
        """(end - start,) name of the split of each row."""
        columns = self.corpus.columns
        codes = columns.session_split
        codes = codes[columns.query_session[start:end]] if self.layout.prefixes else codes[start:end]
        return pa.DictionaryArray.from_arrays(np.asarray(codes), pa.array(SPLITS)).cast(pa.string())


def _write(
    file: Path,
    beside: _Rows,
    start: int,
    end: int,
    pieces: Iterator[NDArray[np.float32]],
    told: Progress,
    total: int,
) -> None:
    """Writes the rows ``start`` … ``end`` - 1, taking the next pieces as they come."""
    _, column = beside.by
    with (
        VectorWriter(file, beside.about, beside.layout.half) as writer,
        closing(_Ids(ids_between(beside.corpus, *beside.by, start, end))) as ids,
    ):
        while start < end:
            vectors = next(pieces)
            until = start + len(vectors)
            writer.append({column: ids.next(len(vectors)), "split": beside.splits(start, until)}, vectors)
            start = until
            told(start, total)


class _Ids:
    """Ids in pieces of one length, out of pieces of another."""

    def __init__(self, pieces: Iterator[pa.Array]) -> None:
        self._pieces, self._left = pieces, pa.array([], pa.string())

    def next(self, rows: int) -> pa.ChunkedArray:
        """The next ``rows`` ids."""
        found, missing = [], rows
        while missing:
            if not len(self._left):
                self._left = next(self._pieces)
            found.append(self._left.slice(0, missing))
            self._left = self._left.slice(len(found[-1]))
            missing -= len(found[-1])
        return pa.chunked_array(found)

    def close(self) -> None:
        """Closes the table that they are read from."""
        self._pieces.close()  # type: ignore[attr-defined]  # a generator


def _check_place(layout: Layout) -> None:
    if layout.shard_rows is None and layout.to.is_dir():
        raise BenchError("is a folder", where=str(layout.to), fix="name a file, or give --shard-rows for a folder")
    if layout.shard_rows is not None and layout.to.is_file():
        raise BenchError("is a file", where=str(layout.to), fix="--shard-rows makes a folder; name another")
