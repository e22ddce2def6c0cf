"""Finished session vectors in a Parquet file, by the id of a query or of a session.

A row has ``query_id`` (text) and ``vector`` (a list of floats, all equally long): the vector of the session up to and
including that query. ``session_id`` in place of ``query_id`` says that it is the vector of a whole session. Such a
vector knows all that followed an earlier query, clicks of the same session maybe, so it stands for the prefix that ends
with the session's last query and for no other. Other columns are not read; a file with both ids is read by query.

``bench embed`` writes such files. What it says in the file's metadata is held against it: ``corpus`` is the fingerprint
of the corpus that the vectors are of, since ids of simulated corpora are alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.data.expansion import check_parquet
from bench.errors import BenchError

QUERY, SESSION, VECTOR = "query_id", "session_id", "vector"
CORPUS = "corpus"
"""Key of the file's metadata: the fingerprint of the corpus that the vectors are of."""
TRUTH = "truth"
"""Key of the file's metadata: which truth of a simulated corpus the vectors are, where they are one."""

_CHUNK = 8192  # rows of a row group


@dataclass(frozen=True)
class VectorFile:
    """The vectors of a file, checked.

    Attributes:
        file: where they are from.
        by: ``query_id`` or ``session_id``.
        ids: (n,) large strings, each once.
        vectors: (n, width) float32, finite.
        about: the file's metadata.
    """

    file: Path
    by: str
    ids: pa.Array
    vectors: NDArray[np.float32]
    about: Mapping[str, str]

    def of_prefixes(self, corpus: Corpus, queries: NDArray[np.int64], reader: str) -> NDArray[np.float32]:
        """(m, width) vectors of the prefixes that end with these query rows (m,), which ``reader`` reads.

        Raises:
            BenchError: an id has no vector, vectors of whole sessions are asked for prefixes, or the file says that it
                is of another corpus.
        """
        made_of = self.about.get(CORPUS, corpus.info.fingerprint)
        if made_of != corpus.info.fingerprint:
            raise self._error(
                f"its vectors are of another corpus ({made_of[:12]}) than {corpus.info.name} "
                f"({corpus.info.fingerprint[:12]})",
                "embed this corpus; ids alone do not tell corpora apart",
            )
        if self.by == QUERY:
            wanted = corpus.strings("queries", QUERY).take(queries)
        else:
            session = np.asarray(corpus.columns.query_session)[queries]
            early = int((np.asarray(corpus.columns.session_queries)[session + 1] - 1 != queries).sum())
            if early:
                raise self._error(
                    f"vectors by {SESSION} are of whole sessions, and {early:,} of the {len(queries):,} queries that "
                    f"{reader} reads have later ones in their session, which a vector must not know",
                    f"write {QUERY} and {VECTOR}, one row for each query; bench embed --prefixes does",
                )
            wanted = corpus.strings("sessions", SESSION).take(session)
        place = pc.index_in(wanted.cast(pa.large_string()), value_set=self.ids)
        if place.null_count:
            missing = wanted.filter(pc.is_null(place))
            what = "queries" if self.by == QUERY else "sessions"
            raise self._error(
                f"{place.null_count:,} of the {len(queries):,} {what} that {reader} reads have no vector, such as "
                f"{missing[0].as_py()!r}",
                "add them; more rows than are read do no harm",
            )
        vectors: NDArray[np.float32] = self.vectors[place.to_numpy()]
        return vectors

    def _error(self, what: str, fix: str) -> BenchError:
        return BenchError(what, where=str(self.file), fix=fix)


def read_vector_file(file: Path) -> VectorFile:
    """Reads and checks a file.

    Raises:
        BenchError: it is not readable, lacks a column, or a row of it is unusable; says how many and gives an example.
    """
    check_parquet(file)
    try:
        schema = pq.read_schema(file)
        names = schema.names
        by = next((name for name in (QUERY, SESSION) if name in names), None)
        if by is None or VECTOR not in names:
            lacks = VECTOR if by is not None else f"{QUERY} or {SESSION}"
            raise BenchError(f"no column {lacks}", where=str(file), fix=f"its columns: {', '.join(names) or 'none'}")
        twice = [name for name in (by, VECTOR) if names.count(name) > 1]
        if twice:
            raise BenchError(f"two columns are called {twice[0]}", where=str(file), fix="leave one of them out")
        table = pq.read_table(file, columns=[by, VECTOR])
    except FileNotFoundError:
        raise BenchError("no such file", where=str(file), fix="finished vectors are a Parquet file") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError, KeyError) as error:  # names that are no text
        said = " ".join(str(error).split())[:200]
        raise BenchError(f"not readable as Parquet: {said}", where=str(file), fix="write it again") from None
    ids = _ids(table[by], by, file)
    vectors = _vectors(table[VECTOR], ids, file)
    said_of_it = {
        key.decode(errors="replace"): v.decode(errors="replace") for key, v in (schema.metadata or {}).items()
    }
    about = {key: value for key, value in said_of_it.items() if key != "ARROW:schema"}
    return VectorFile(file, by, ids, vectors, about)


def vector_table(
    ids: Mapping[str, pa.ChunkedArray], vectors: NDArray[np.float32], about: Mapping[str, str]
) -> pa.Table:
    """Vectors (n, width) beside columns of n ids as a table, with what is to be known ``about`` them."""
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
    columns = {**ids, VECTOR: pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])}
    return pa.table(columns, metadata=dict(about))


def write_vector_table(table: pa.Table, file: Path) -> None:
    """Writes such a table."""
    pq.write_table(table, file, row_group_size=_CHUNK)


def _ids(column: pa.ChunkedArray, by: str, file: Path) -> pa.Array:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise BenchError(
            f"{by} is {column.type}, not text", where=str(file), fix=f"write {by} as strings, as in the log"
        )
    ids = column.cast(pa.large_string()).combine_chunks()
    if ids.null_count:
        raise BenchError(f"{ids.null_count:,} rows have no {by}", where=str(file), fix="leave them out")
    counts = pc.value_counts(ids)
    twice = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(twice):
        raise BenchError(
            f"{len(twice):,} ids have several rows, such as {twice[0]['values'].as_py()!r}",
            where=f"{file}, column {by}",
            fix="one row for each id",
        )
    return ids


def _vectors(column: pa.ChunkedArray, ids: pa.Array, file: Path) -> NDArray[np.float32]:
    """(n, width) float32."""
    where, kind = f"{file}, column {VECTOR}", column.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not (is_list and pa.types.is_floating(kind.value_type)):
        raise BenchError(f"it is {kind}, not a list of floats", where=where, fix="such as list<float>")
    if not len(column):
        raise BenchError("no rows", where=str(file))
    if column.null_count:
        example = ids.filter(pc.is_null(column.combine_chunks()))[0].as_py()
        raise BenchError(f"{column.null_count:,} rows have no vector, such as {example!r}", where=where)
    lengths, counts = np.unique(pc.list_value_length(column).to_numpy(), return_counts=True)
    if len(lengths) > 1 or not lengths[0]:
        said = ", ".join(f"{count:,} of {length}" for length, count in zip(lengths[:4], counts, strict=False))
        raise BenchError(f"vectors must have one length, and there are {said}", where=where)
    flat = pc.list_flatten(column).combine_chunks()
    with np.errstate(over="ignore"):  # what float32 cannot hold is found below
        vectors: NDArray[np.float32] = (
            flat.to_numpy(zero_copy_only=False).astype(np.float32, copy=False).reshape(len(column), -1)
        )
    wrong = np.flatnonzero(~np.isfinite(vectors).all(axis=1))  # an empty entry is NaN here
    if len(wrong):
        raise BenchError(
            f"{len(wrong):,} of {len(vectors):,} vectors have an entry that is empty, NaN or infinite, such as that of "
            f"{ids[int(wrong[0])].as_py()!r}",
            where=where,
        )
    return vectors
