"""Finished session vectors in Parquet, by the id of a query or of a session: one file, or a folder of shards.

A row has ``query_id`` (text) and ``vector`` (a list of floats, all equally long): the vector of the session up to and
including that query. ``session_id`` in place of ``query_id`` says that it is the vector of a whole session. Such a
vector knows all that followed an earlier query, clicks of the same session maybe, so it stands for the prefix that ends
with the session's last query and for no other. Other columns are not read; a file with both ids is read by query.

``bench embed`` writes such files. What it says in the file's metadata is held against it: ``corpus`` is the fingerprint
of the corpus that the vectors are of, since ids of simulated corpora are alike.

Files are read piece by piece, in whatever order their rows are: what is in memory is what is asked for, and eight bytes
of every row while one looks whether an id has two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.data.csr import expand_ranges
from bench.data.id_columns import ids_of
from bench.data.text_keys import text_keys
from bench.data.vector_parts import parts_of
from bench.data.vector_scan import QUERY, SESSION, opened, pieces, scan
from bench.data.vector_writer import VECTOR
from bench.errors import BenchError

CORPUS = "corpus"
"""Key of the file's metadata: the fingerprint of the corpus that the vectors are of."""
TRUTH = "truth"
"""Key of the file's metadata: which truth of a simulated corpus the vectors are, where they are one."""


@dataclass(frozen=True)
class VectorFile:
    """Finished vectors, opened.

    Attributes:
        file: where they are from, a file or a folder.
        parts: the Parquet files that they lie in.
        by: ``query_id`` or ``session_id``.
        about: the metadata of the first part; no other part says that it is of another corpus.
    """

    file: Path
    parts: tuple[Path, ...]
    by: str
    about: Mapping[str, str]

    def require(self, corpus: Corpus, queries: NDArray[np.int64], reader: str) -> None:
        """Looks whether :meth:`of_prefixes` would find a vector for each of these query rows (m,); reads ids alone.

        Raises:
            BenchError: as that.
        """
        wanted = self._wanted(corpus, queries, reader)
        found = np.zeros(len(queries), dtype=bool)
        for rows, _, _ in self._matches(wanted, [self.by]):
            found[rows] = True
        self._check_found(found, wanted, reader)

    def of_prefixes(
        self, corpus: Corpus, queries: NDArray[np.int64], reader: str, into: Path | None = None
    ) -> NDArray[np.float32]:
        """(m, width) vectors of the prefixes that end with these query rows (m,), which ``reader`` reads.

        Args:
            corpus: the data.
            queries: rows.
            reader: who asks, for errors.
            into: a ``.npy`` file to write them to, of which the result is a map; without it they are in memory.

        Raises:
            BenchError: an id has no vector, vectors of whole sessions are asked for prefixes, or the file says that it
                is of another corpus.
        """
        wanted = self._wanted(corpus, queries, reader)
        found, vectors = np.zeros(len(queries), dtype=bool), None
        for rows, piece, places in self._matches(wanted, [self.by, VECTOR]):
            column = piece[VECTOR]
            flat = pc.list_flatten(column).to_numpy(zero_copy_only=False).reshape(len(column), -1)
            if vectors is None:
                vectors = empty_vectors(len(queries), flat.shape[1], into)
            vectors[rows] = flat[places]
            found[rows] = True
        self._check_found(found, wanted, reader)
        return empty_vectors(0, 1, into) if vectors is None else vectors

    def _wanted(self, corpus: Corpus, queries: NDArray[np.int64], reader: str) -> pa.Array:
        """(m,) ids of what these query rows (m,) need a vector of."""
        made_of = self.about.get(CORPUS, corpus.info.fingerprint)
        if made_of != corpus.info.fingerprint:
            raise self._error(
                f"its vectors are of another corpus ({made_of[:12]}) than {corpus.info.name} "
                f"({corpus.info.fingerprint[:12]})",
                "embed this corpus; ids alone do not tell corpora apart",
            )
        if self.by == QUERY:
            return ids_of(corpus, "queries", QUERY, queries)
        session = np.asarray(corpus.columns.query_session)[queries]
        early = int((np.asarray(corpus.columns.session_queries)[session + 1] - 1 != queries).sum())
        if early:
            raise self._error(
                f"vectors by {SESSION} are of whole sessions, and {early:,} of the {len(queries):,} queries that "
                f"{reader} reads have later ones in their session, which a vector must not know",
                f"write {QUERY} and {VECTOR}, one row for each query; bench embed --prefixes does",
            )
        return ids_of(corpus, "sessions", SESSION, session)

    def _matches(
        self, wanted: pa.Array, columns: list[str]
    ) -> Iterator[tuple[NDArray[np.int64], pa.RecordBatch, NDArray[np.int64]]]:
        """Piece by piece: places in ``wanted``, the piece of the file, and which of its rows each is the id of."""
        keys = text_keys(wanted)
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        for part in self.parts:
            for piece in pieces(part, columns):
                ids = piece[self.by].cast(pa.large_string())
                asked = text_keys(ids)
                start, end = np.searchsorted(keys, asked), np.searchsorted(keys, asked, side="right")
                near, place = expand_ranges(start, end)
                rows = order[near]
                same = pc.equal(wanted.take(pa.array(rows)), ids.take(pa.array(place))).to_numpy(zero_copy_only=False)
                if same.any():
                    yield rows[same], piece, place[same]

    def _check_found(self, found: NDArray[np.bool_], wanted: pa.Array, reader: str) -> None:
        missing = np.flatnonzero(~found)
        if len(missing):
            what = "queries" if self.by == QUERY else "sessions"
            raise self._error(
                f"{len(missing):,} of the {len(found):,} {what} that {reader} reads have no vector, such as "
                f"{wanted[int(missing[0])].as_py()!r}",
                "add them; more rows than are read do no harm",
            )

    def _error(self, what: str, fix: str) -> BenchError:
        return BenchError(what, where=str(self.file), fix=fix)


def read_vector_file(file: Path) -> VectorFile:
    """Reads and checks all rows of a file, or of the files of a folder.

    Raises:
        BenchError: it is not readable, lacks a column, or a row of it is unusable; says how many and gives an example.
    """
    found = open_vector_file(file)
    scan(found.file, found.parts, found.by)
    return found


def open_vector_file(file: Path) -> VectorFile:
    """Opens a file, or a folder, whose rows are known to be sound: it looks at columns alone.

    Raises:
        BenchError: it is not readable, lacks a column, or holds parts that do not belong together.
    """
    parts = parts_of(file)
    by, about = opened(parts[0])
    for part in parts[1:]:
        other, said = opened(part)
        if other != by or any(said.get(key) != about.get(key) for key in (CORPUS, TRUTH)):
            raise BenchError(f"not of one kind with {parts[0].name}", where=str(part), fix="a folder for each kind")
    return VectorFile(file, parts, by, about)


def empty_vectors(rows: int, width: int, into: Path | None = None) -> NDArray[np.float32]:
    """(rows, width) to be filled: in memory, or a map of the ``.npy`` file ``into``, which is made."""
    if into is None or not rows:
        vectors: NDArray[np.float32] = np.empty((rows, width), dtype=np.float32)
        if into is not None:
            np.save(into, vectors)
        return vectors
    return np.lib.format.open_memmap(into, mode="w+", dtype=np.float32, shape=(rows, width))
