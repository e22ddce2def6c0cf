"""Writing a corpus in chunks: beside its place first, checked, then renamed."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tomli_w
from numpy.typing import ArrayLike, DTypeLike, NDArray

from bench.data import pictures, truth
from bench.data.checks.corpus_checks import check_corpus
from bench.data.checksums import record_checksum, sha256_of
from bench.data.columns import build_columns
from bench.data.making import taken
from bench.data.mapped import mapped_array
from bench.data.npy import NpyWriter
from bench.data.schema import FORMAT_VERSION, KINDS, SPLITS, TABLES
from bench.data.split_kinds import SplitKind
from bench.files import beside, sweep, take_place

WORD_DIM, IMAGE_DIM = 50, 512
_GROUP_ROWS = 131_072
"""Rows of a row group. The end of a Parquet file describes each, and whoever writes or reads the file holds that."""


class CorpusWriter:
    """Writes a corpus folder chunk by chunk; a context manager.

    Everything goes to a folder beside it. Leaving the block in peace checks the corpus, fingerprints it and renames the
    folder; an exception or a failed check removes it, so that no half-written corpus is ever seen.

    Args:
        folder: where the corpus shall stand. It may exist only if ``replace``.
        name, origin, caveats, licence, source, split: see :class:`bench.data.corpus.CorpusInfo`. That the sessions are
            split so is checked at the end.
        word_dim, image_dim: widths of the two matrices.
        image_dtype: int8 (stored times 127) or float32.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        name: str,
        origin: str,
        licence: str,
        caveats: Sequence[str] = (),
        source: dict[str, Any] | None = None,
        split: SplitKind = "random",
        word_dim: int = WORD_DIM,
        image_dim: int = IMAGE_DIM,
        image_dtype: type = np.int8,
        replace: bool = False,
    ) -> None:
        self.folder = Path(folder)
        if self.folder.exists() and not replace:
            raise taken(self.folder)
        self._replace = replace
        self._writing = beside(self.folder)
        self._info: dict[str, Any] = {
            "name": name,
            "format_version": FORMAT_VERSION,
            "origin": origin,
            "licence": licence,
            "caveats": list(caveats),
        }
        self._split = split
        if split != "random":  # a corpus that says nothing is split at random
            self._info["split"] = split
        self._source = source or {}
        self._dims = {"words": word_dim, "images": image_dim}
        self._image_dtype = image_dtype
        self._truth: dict[str, NpyWriter] = {}
        self._pictures: pictures.PictureWriter | None = None

    def __enter__(self) -> CorpusWriter:
        sweep(self.folder.parent, self.folder.name)
        shutil.rmtree(self._writing, ignore_errors=True)
        self._writing.mkdir(parents=True)
        try:
            self._open()
        except BaseException:
            shutil.rmtree(self._writing, ignore_errors=True)
            raise
        return self

    def _open(self) -> None:
        self._tables = {
            table: pq.ParquetWriter(self._writing / f"{table}.parquet", schema, compression="zstd")
            for table, schema in TABLES.items()
        }
        self._groups = {table: _Group(schema) for table, schema in TABLES.items()}
        self._rows = dict.fromkeys(TABLES, 0)
        self._word_vectors = NpyWriter(self._writing / "word_vectors.npy", np.float32, self._dims["words"])
        self._image_vectors = NpyWriter(self._writing / "image_vectors.npy", self._image_dtype, self._dims["images"])

    def vocabulary(self, words: Sequence[str] | pa.Array, vectors: NDArray[np.float32]) -> None:
        """Appends words and their vectors, (n, word_dim) float32."""
        self._append("vocabulary", {"word": words})
        self._word_vectors.append(vectors)

    def images(self, vectors: NDArray[np.int8 | np.float32]) -> None:
        """Appends image vectors, (n, image_dim)."""
        self._image_vectors.append(vectors)

    def pictures(self, images: Sequence[int], jpegs: Sequence[bytes]) -> None:
        """Appends small pictures of images, for people; see :mod:`bench.data.pictures`.

        Args:
            images: rows of the images, ascending from call to call.
            jpegs: as many.
        """
        self._pictures = self._pictures or pictures.PictureWriter(self._writing)
        self._pictures.append(images, jpegs)

    def items(
        self,
        item_id: Any,
        words: tuple[ArrayLike, ArrayLike],
        image: ArrayLike,
        category: Any,
        domain: Any,
    ) -> None:
        """Appends items. ``words`` is ``(offsets, values)``; ``image`` is -1 without an image; strings may be Arrow."""
        self._append(
            "items",
            {
                "item_id": item_id,
                "words": _lists(*words),
                "image": _nullable(image),
                "category": category,
                "domain": domain,
            },
        )

    def sessions(self, session_id: Any, user: Any, start: Any, split: ArrayLike, downstream: ArrayLike) -> None:
        """Appends sessions. ``start`` is in ms since 1970, ``split`` holds codes of ``schema.SPLITS``."""
        self._append(
            "sessions",
            {
                "session_id": session_id,
                "user": user,
                "start": start,
                "split": _named(split, SPLITS),
                "downstream": np.asarray(downstream, dtype=bool),
            },
        )

    def queries(
        self,
        query_id: Any,
        session: ArrayLike,
        position: ArrayLike,
        time: Any,
        kind: ArrayLike,
        words: tuple[ArrayLike, ArrayLike],
        image: ArrayLike,
    ) -> None:
        """Appends steps in session order. ``kind`` holds codes of ``schema.KINDS``; ``time`` is in ms since 1970."""
        self._append(
            "queries",
            {
                "query_id": query_id,
                "session": session,
                "position": position,
                "time": time,
                "kind": _named(kind, KINDS),
                "words": _lists(*words),
                "image": _nullable(image),
            },
        )

    def impressions(
        self, query: ArrayLike, item: ArrayLike, rank: ArrayLike, clicked: ArrayLike, click_time: Any
    ) -> None:
        """Appends shown items in query order. ``click_time`` is in ms since 1970, null where not clicked."""
        self._append(
            "impressions",
            {
                "query": query,
                "item": item,
                "rank": rank,
                "clicked": np.asarray(clicked, dtype=bool),
                "click_time": click_time,
            },
        )

    def truth(self, name: str, rows: NDArray[np.float32]) -> None:
        """Appends to the truth of a simulated corpus; see :class:`bench.data.truth.Truth`.

        Args:
            name: ``items``, ``intents`` or ``utilities``.
            rows: (n, …) of the items, queries or impressions appended last.
        """
        if name not in self._truth:
            (self._writing / truth.FOLDER).mkdir(exist_ok=True)
            columns = rows.shape[1] if rows.ndim == 2 else None
            self._truth[name] = NpyWriter(self._writing / truth.FOLDER / f"{name}.npy", np.float32, columns)
        self._truth[name].append(rows)

    def mapped(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array of zeros on the disk that the corpus is written to, for what whoever writes it has to look up; see
        :func:`bench.data.mapped.mapped_array`.
        """
        return mapped_array(self._writing, shape, dtype)

    def add_caveats(self, caveats: Sequence[str]) -> None:
        """Appends to the caveats: what is known only when the corpus is being written."""
        self._info["caveats"] += caveats

    def rows(self, table: str) -> int:
        """Rows written to ``table`` so far: the row number that the next one gets."""
        return self._image_vectors.rows if table == "images" else self._rows[table]

    def _append(self, table: str, columns: dict[str, Any]) -> None:
        schema = TABLES[table]
        arrays = [_arrow(columns[name], schema.field(name).type) for name in schema.names]
        batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
        self._groups[table].append(batch)
        self._rows[table] += batch.num_rows
        if self._groups[table].rows >= _GROUP_ROWS:
            self._write_group(table)

    def _write_group(self, table: str) -> None:
        rows = self._groups[table].taken()
        if rows.num_rows:
            self._tables[table].write_table(rows, row_group_size=rows.num_rows)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with ExitStack() as closing:  # all of them, though one may fail: the disk may be full
                for file in (*self._tables.values(), self._word_vectors, self._image_vectors, *self._truth.values()):
                    closing.callback(file.close)
                if self._pictures is not None:
                    closing.callback(self._pictures.close)
                if error is None:
                    for table in TABLES:
                        self._write_group(table)
            if error is None:
                self._finish()
        finally:
            shutil.rmtree(self._writing, ignore_errors=True)

    def _finish(self) -> None:
        check_corpus(self._writing, called=str(self.folder), split=self._split)
        meta = build_columns(self._writing)
        info = {**self._info, "fingerprint": meta["fingerprint"], "dimensions": self._dims}
        info["checksums"] = {name: known["sha256"] for name, known in meta["tables"].items()}
        info["counts"] = {**self._rows, "images": self._image_vectors.rows}
        info["source"] = _without_none(self._source)
        if self._truth:
            folder = self._writing / truth.FOLDER
            digests = {f"{name}.npy": sha256_of(folder / f"{name}.npy") for name in self._truth}
            (folder / truth.FILE).write_text(tomli_w.dumps({"checksums": digests}), encoding="utf-8")
            info["truth"] = sha256_of(folder / truth.FILE)
        if self._pictures is not None:
            info["pictures"] = sha256_of(self._writing / pictures.FILE)
        info["checksum"] = record_checksum(tomllib.loads(tomli_w.dumps(info)))  # as it will be read
        (self._writing / "corpus.toml").write_text(tomli_w.dumps(info), encoding="utf-8")
        if not self._replace and self.folder.exists():
            raise taken(self.folder)
        take_place(self._writing, self.folder)


class _Group:
    """Rows of a table that wait for more to be written with, copied: whoever gave them may use the memory again."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema, self.rows = schema, 0
        self._open()

    def _open(self) -> None:
        self._copies = pa.BufferOutputStream()
        self._stream = pa.ipc.new_stream(self._copies, self._schema)

    def append(self, batch: pa.RecordBatch) -> None:
        self._stream.write_batch(batch)
        self.rows += batch.num_rows

    def taken(self) -> pa.Table:
        """All of them; then none are left."""
        self._stream.close()
        taken = pa.ipc.open_stream(self._copies.getvalue()).read_all()
        self.rows = 0
        self._open()
        return taken


def _arrow(values: Any, kind: pa.DataType) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if not isinstance(values, pa.Array):
        values = pa.array(values)
    if pa.types.is_timestamp(kind) and pa.types.is_integer(values.type):
        values = values.cast(pa.int64())
    return values if values.type == kind else values.cast(kind)


def _lists(offsets: ArrayLike, values: ArrayLike) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(np.asarray(offsets), pa.int32()), pa.array(np.asarray(values), pa.int32()))


def _nullable(rows: ArrayLike) -> pa.Array:
    rows = np.asarray(rows, dtype=np.int32)
    return pa.array(rows, mask=rows < 0)


def _named(codes: ArrayLike, names: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.asarray(codes), pa.int8()), pa.array(names)).cast(pa.string())


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(inner) for key, inner in value.items() if inner is not None}
    return value
