"""The flat, memory-mapped form of a corpus, derived from its Parquet tables.

Parquet is for exchange; training wants columns that the operating system pages in by themselves. ``build_columns``
streams the tables once, row group by row group, into ``.npy`` files under ``columns/`` and hashes the contents on the
way. The folder is a cache: deleting it loses nothing. It knows the size, time and checksum of every table that it was
made from and of every file in it, so that neither a changed table nor a damaged column is believed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypedDict, get_args, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bench.data.checksums import Mark, changed, is_untouched, marks, record_checksum
from bench.data.csr import Integers
from bench.data.expansion import check_parquet
from bench.data.first_rows import FirstRows, codes_of
from bench.data.mapped import mapped_array
from bench.data.npy import NpyWriter, mapped
from bench.data.parquet import streamed
from bench.data.schema import KINDS, MATRICES, NO_TIME, SPLITS, TABLES
from bench.files import beside, sweep, take_place, written_whole

FOLDER = "columns"
_CHUNK_ROWS = 262_144


@dataclass(frozen=True)
class Columns:
    """Flat columns of S sessions, Q queries (steps), P impressions, N items; offsets are CSR.

    Missing images and users are -1, missing times :data:`bench.data.schema.NO_TIME`.
    """

    session_start: NDArray[np.int64]  # (S,) ms since 1970
    session_user: NDArray[np.int64]  # (S,) code of the user
    session_split: NDArray[np.int8]  # (S,) bench.data.schema.SPLITS
    session_downstream: NDArray[np.bool_]  # (S,)
    session_queries: NDArray[np.int64]  # (S + 1,) offsets into queries
    query_session: NDArray[np.int64]  # (Q,)
    query_time: NDArray[np.int64]  # (Q,) ms since 1970
    query_kind: NDArray[np.int8]  # (Q,) bench.data.schema.KINDS
    query_image: NDArray[np.int32]  # (Q,) row of image_vectors
    query_word_offsets: NDArray[np.int64]  # (Q + 1,)
    query_words: NDArray[np.int32]  # (words of all queries,) row of word_vectors
    query_impressions: NDArray[np.int64]  # (Q + 1,) offsets into impressions
    impression_item: NDArray[np.int32]  # (P,)
    impression_rank: NDArray[np.int32]  # (P,)
    impression_clicked: NDArray[np.bool_]  # (P,)
    item_image: NDArray[np.int32]  # (N,)
    item_category: NDArray[np.int32]  # (N,) code of the category
    item_domain: NDArray[np.int32]  # (N,) code of the domain
    item_word_offsets: NDArray[np.int64]  # (N + 1,)
    item_words: NDArray[np.int32]  # (words of all items,)


COLUMN_TYPES: dict[str, type[np.generic]] = {
    name: get_args(get_args(array)[1])[0] for name, array in get_type_hints(Columns).items()
}
"""The type of each column's numbers, as it is annotated."""


class Meta(TypedDict):
    """What ``meta.json`` says.

    ``tables`` are the tables and matrices of the corpus that the columns were made from, ``files`` the columns;
    ``checksum`` is that of all the rest.
    """

    fingerprint: str
    categories: list[str]
    domains: list[str]
    users: int
    tables: dict[str, Mark]
    files: dict[str, Mark]
    checksum: str


class OutdatedColumnsError(Exception):
    """The columns have to be derived again: there are none, or not from these tables, or they are damaged.

    Attributes:
        damaged: the first column that is not as it was written; None where that is not the reason.
    """

    def __init__(self, damaged: str | None = None) -> None:
        super().__init__(damaged)
        self.damaged = damaged


def open_columns(folder: Path, fingerprint: str, whole: bool = False) -> tuple[Columns, Meta]:
    """Memory-maps the columns of the corpus in ``folder``.

    Args:
        folder: the corpus folder.
        fingerprint: of the tables.
        whole: read the contents of all files, tables and matrices too, whatever their sizes and times say.

    Raises:
        OutdatedColumnsError: ``build_columns`` must make them first.
    """
    columns = folder / FOLDER
    try:
        meta = read_meta(folder)
        if meta["fingerprint"] != fingerprint:
            raise OutdatedColumnsError
        if meta["checksum"] != record_checksum(meta):
            raise OutdatedColumnsError("meta.json")
        if changed(folder, meta["tables"], whole):
            raise OutdatedColumnsError
        damaged = changed(columns, meta["files"], whole)
        if damaged:
            raise OutdatedColumnsError(damaged[0])
        arrays = {f.name: mapped(columns / f"{f.name}.npy") for f in fields(Columns)}
        _remember_times(folder, meta)
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise OutdatedColumnsError from None  # no cache, or one that another version or a crash left
    return Columns(**arrays), meta


def read_meta(folder: Path) -> Meta:
    """What the columns of the corpus in ``folder`` say of themselves."""
    meta: Meta = json.loads((folder / FOLDER / "meta.json").read_text(encoding="utf-8"))
    return meta


def _remember_times(folder: Path, meta: Meta) -> None:
    """Writes down the times of files that were copied, so that their contents need not be read the next time."""
    touched = False
    for place, known in ((folder, meta["tables"]), (folder / FOLDER, meta["files"])):
        for name, one in known.items():
            if not is_untouched(place / name, one):
                one["modified"] = (place / name).stat().st_mtime_ns
                touched = True
    if touched:
        meta["checksum"] = record_checksum(meta)
        with suppress(OSError), written_whole(folder / FOLDER / "meta.json") as writing:  # it may be read-only
            writing.write_text(json.dumps(meta), encoding="utf-8")


def build_columns(folder: Path, keep: bool = True, fingerprint: str | None = None) -> Meta:
    """Streams the tables of ``folder`` into flat columns and fingerprints their contents.

    The fingerprint is the SHA-256 of every value in reading order, so it does not depend on how Parquet encodes them.

    Args:
        folder: the corpus folder.
        keep: put the columns into the corpus; otherwise only the meta data are returned.
        fingerprint: put them there only if the tables have this one.
    """
    building = _room(folder, keep)
    try:
        meta = _Builder(folder, building).build()
        if keep and fingerprint in (None, meta["fingerprint"]):
            (building / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
            take_place(building, folder / FOLDER)
        return meta
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _room(folder: Path, keep: bool) -> Path:
    """An empty folder to build in: beside the columns; a temporary one where nothing is kept and they are not ours."""
    building = beside(folder / FOLDER)
    try:
        sweep(folder, FOLDER)
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir()
    except OSError as error:
        if keep or error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        return Path(tempfile.mkdtemp(prefix="bench-columns-"))
    return building


class _Builder:
    def __init__(self, folder: Path, building: Path) -> None:
        self.folder, self.building, self.hash = folder, building, hashlib.sha256()

    def build(self) -> Meta:
        tables = marks(self.folder, [*(f"{name}.parquet" for name in TABLES), *(f"{name}.npy" for name in MATRICES)])
        for batch in self._batches("vocabulary"):
            self._hash_strings(batch["word"])
        categories, domains = self._items()
        users = self._sessions()
        queries = self._queries()
        self._impressions(queries)
        for name in MATRICES:
            matrix = mapped(self.folder / f"{name}.npy")
            self.hash.update(f"{name} {matrix.dtype.str} {matrix.shape}".encode())
            for start in range(0, len(matrix), _CHUNK_ROWS):
                self.hash.update(np.ascontiguousarray(matrix[start : start + _CHUNK_ROWS]).data)
        meta: Meta = {
            "fingerprint": self.hash.hexdigest(),
            "categories": categories.names,
            "domains": domains.names,
            "users": users,
            "tables": tables,
            "files": marks(self.building, [f"{f.name}.npy" for f in fields(Columns)]),
            "checksum": "",
        }
        meta["checksum"] = record_checksum(meta)
        return meta

    def _batches(self, table: str) -> Iterator[pa.RecordBatch]:
        self.hash.update(table.encode())
        check_parquet(self.folder / f"{table}.parquet")
        with streamed(self.folder / f"{table}.parquet") as file:
            yield from file.iter_batches(_CHUNK_ROWS)

    def _column(self, name: str) -> _HashedColumn:
        return _HashedColumn(self.building / f"{name}.npy", np.dtype(COLUMN_TYPES[name]), self.hash)

    def _hash_strings(self, values: pa.Array) -> None:
        values = values.fill_null("\0null").cast(pa.large_string())
        self.hash.update(np.asarray(pc.binary_length(values)).tobytes())
        if len(values):
            _, ends, text = values.buffers()
            first, last = np.frombuffer(ends, np.int64)[[values.offset, values.offset + len(values)]]
            self.hash.update(memoryview(text or b"")[first:last])

    def _items(self) -> tuple[_Codes, _Codes]:
        categories, domains = _Codes(), _Codes()
        image, words = self._column("item_image"), _Ragged(self, "item")
        category, domain = self._column("item_category"), self._column("item_domain")
        for batch in self._batches("items"):
            self._hash_strings(batch["item_id"])
            self._hash_strings(batch["category"])
            self._hash_strings(batch["domain"])
            image.append(_filled(batch["image"], -1))
            words.append(batch["words"])
            category.append(categories.encode(batch["category"]))
            domain.append(domains.encode(batch["domain"]))
        for column in (image, words, category, domain):
            column.close()
        return categories, domains

    def _sessions(self) -> int:
        codes, users = self._user_codes()
        start, user = self._column("session_start"), self._column("session_user")
        split, downstream = self._column("session_split"), self._column("session_downstream")
        for batch in self._batches("sessions"):
            self._hash_strings(batch["session_id"])
            self._hash_strings(batch["user"])
            start.append(_times(batch["start"]))
            user.append(codes[user.rows : user.rows + batch.num_rows])
            split.append(_filled(pc.index_in(batch["split"], pa.array(SPLITS)), -1))
            downstream.append(batch["downstream"].to_numpy(zero_copy_only=False))
        for column in (start, user, split, downstream):
            column.close()
        self.sessions = start.rows
        return users

    def _user_codes(self) -> tuple[NDArray[np.int32], int]:
        """``(codes, users)``: the code (S,) of each session's user, and how many users there are.

        They are numbered beforehand: to look each chunk up among all users before it would take their square.
        """
        with streamed(self.folder / "sessions.parquet") as file:
            first = FirstRows(self.building, file.metadata.num_rows)
            for batch in file.iter_batches(_CHUNK_ROWS, columns=["user"]):
                first.append(batch["user"])
        return codes_of(self.building, first.found())

    def _queries(self) -> int:
        session, time = self._column("query_session"), self._column("query_time")
        kind, image = self._column("query_kind"), self._column("query_image")
        words, counts = _Ragged(self, "query"), self._counts(self.sessions)
        for batch in self._batches("queries"):
            self._hash_strings(batch["query_id"])
            sessions = batch["session"].to_numpy()
            _count(sessions, counts)
            session.append(sessions)
            time.append(_times(batch["time"]))
            kind.append(_filled(pc.index_in(batch["kind"], pa.array(KINDS)), -1))
            image.append(_filled(batch["image"], -1))
            words.append(batch["words"])
        for column in (session, time, kind, image, words):
            column.close()
        self._offsets("session_queries", counts)
        return session.rows

    def _impressions(self, queries: int) -> None:
        item, rank = self._column("impression_item"), self._column("impression_rank")
        clicked, counts = self._column("impression_clicked"), self._counts(queries)
        for batch in self._batches("impressions"):
            _count(batch["query"].to_numpy(), counts)
            item.append(batch["item"].to_numpy())
            rank.append(batch["rank"].to_numpy())
            clicked.append(batch["clicked"].to_numpy(zero_copy_only=False))
            self.hash.update(_times(batch["click_time"]).data)
        for column in (item, rank, clicked):
            column.close()
        self._offsets("query_impressions", counts)

    def _counts(self, rows: int) -> NDArray[np.int32]:
        """(rows,) zeros on disk: there are more queries than memory may have numbers."""
        return mapped_array(self.building, (rows,), np.int32)

    def _offsets(self, name: str, counts: NDArray[np.int32]) -> None:
        column, total = self._column(name), np.zeros(1, dtype=np.int64)
        column.append(total)
        for start in range(0, len(counts), _CHUNK_ROWS):
            ends = total[-1] + np.cumsum(counts[start : start + _CHUNK_ROWS], dtype=np.int64)
            column.append(ends)
            total = ends
        column.close()


def _count(rows: Integers, counts: NDArray[np.int32]) -> None:
    """Counts each of ``rows`` (n,), which lie close together where a table is in order; those beyond the end are not.

    Raises:
        ValueError: a row is negative.
    """
    rows = rows[rows < len(counts)]
    if not len(rows):
        return
    lowest = int(rows.min())
    if lowest < 0:
        raise ValueError(f"row {lowest}")
    found = np.bincount(rows - lowest)
    counts[lowest : lowest + len(found)] += found.astype(np.int32)


class _HashedColumn(NpyWriter):
    """A one-dimensional column that casts what it is given and hashes it."""

    def __init__(self, path: Path, dtype: np.dtype, digest: Any) -> None:
        super().__init__(path, dtype)
        self._digest = digest

    def append(self, rows: NDArray[Any]) -> None:
        rows = np.ascontiguousarray(rows, dtype=self.dtype)
        self._digest.update(rows.data)
        super().append(rows)


class _Ragged:
    """A list column as offsets and values."""

    def __init__(self, builder: _Builder, table: str) -> None:
        self._values = builder._column(f"{table}_words")
        self._offsets = builder._column(f"{table}_word_offsets")
        self._offsets.append(np.zeros(1, dtype=np.int64))
        self._total = 0

    def append(self, lists: pa.ListArray) -> None:
        ends = self._total + np.cumsum(_filled(pc.list_value_length(lists), 0).astype(np.int64))
        self._offsets.append(ends)
        self._values.append(lists.flatten().to_numpy())
        self._total = int(ends[-1]) if len(ends) else self._total

    def close(self) -> None:
        self._values.close()
        self._offsets.close()


class _Codes:
    """Codes of strings in order of first appearance over all chunks; null is -1."""

    def __init__(self) -> None:
        self._names = pa.array([], pa.string())

    @property
    def names(self) -> list[str]:
        """The strings in the order of their codes."""
        names: list[str] = self._names.to_pylist()
        return names

    def __len__(self) -> int:
        return len(self._names)

    def encode(self, values: pa.Array) -> NDArray[np.int64]:
        chunk = values.dictionary_encode()
        known = pc.index_in(chunk.dictionary, self._names)
        new = chunk.dictionary.filter(known.is_null())
        place = _filled(known, -1).astype(np.int64)
        place[place < 0] = len(self) + np.arange(len(new))
        self._names = pa.concat_arrays([self._names, new])
        codes = _filled(chunk.indices, -1).astype(np.int64)
        return np.where(codes < 0, -1, place[np.maximum(codes, 0)] if len(place) else -1)


def _filled(values: pa.Array, missing: int) -> NDArray[Any]:
    filled: NDArray[Any] = values.fill_null(missing).to_numpy(zero_copy_only=False)
    return filled


def _times(values: pa.Array) -> NDArray[np.int64]:
    return _filled(values.cast(pa.int64()), NO_TIME)
