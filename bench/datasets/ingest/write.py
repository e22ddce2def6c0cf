"""Streams the chosen sessions of a staged event log into a corpus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bench.data.csr import Integers, offsets_of, take_rows
from bench.data.schema import TRAIN
from bench.data.splits import downstream_sample, random_split
from bench.data.word_vectors import ppmi_svd_vectors
from bench.data.writer import WORD_DIM, CorpusWriter

_BATCH_ROWS = 65_536
_IMAGE_ROWS = 8_192
_TEXTS_FOR_VECTORS = 2_000_000
"""Word vectors are made from a random sample of so many texts at most, which have to fit in memory."""


class WriteCorpus:
    """Writes the tables of a corpus from those that ``sessionise`` and ``number_words`` left in the database.

    Call ``sessions``, ``images``, ``items``, ``queries``, ``vocabulary`` and ``impressions`` in this order.

    Args:
        writer: takes the rows.
        db: the database.
        seed: of the split, of the downstream sample and of what word vectors are made from.
    """

    def __init__(self, writer: CorpusWriter, db: duckdb.DuckDBPyConnection, seed: int) -> None:
        self._writer, self._db, self._seed = writer, db, seed
        words = [batch["word"] for _, batch in self._stream("SELECT word FROM vocabulary ORDER BY word")]
        self._words = pa.concat_arrays(words)
        texts = "SELECT (SELECT count(*) FROM items) + (SELECT count(*) FROM steps)"
        self._sampled = min(1.0, _TEXTS_FOR_VECTORS / db.execute(texts).fetchall()[0][0])
        self._sampling = np.random.default_rng([seed, 2])
        self._texts: list[tuple[NDArray[np.int32], Integers]] = []  # lengths and words of texts to make vectors from

    def sessions(self, test_share: float, valid_share: float, downstream: int) -> None:
        """Sessions by start, split at random; the same seed splits the same sessions alike."""
        count = self._db.execute("SELECT count(*) FROM sessions").fetchall()[0][0]
        self._split = random_split(count, test_share=test_share, valid_share=valid_share, seed=self._seed)
        chosen = downstream_sample(count, downstream, seed=self._seed)
        for first, batch in self._stream("SELECT session_id, user, start FROM sessions ORDER BY session"):
            rows = slice(first, first + batch.num_rows)
            start = batch["start"].cast(pa.int64())
            self._writer.sessions(batch["session_id"], batch["user"], start, self._split[rows], chosen[rows])

    def images(self) -> None:
        """Vectors of the images that steps and items refer to, in the order of image ids."""
        self._db.execute("""
            CREATE TABLE pictures AS
            SELECT picture, row_number() OVER (ORDER BY picture) - 1 AS row FROM (
                SELECT picture FROM steps UNION SELECT picture FROM items
            ) WHERE picture IS NOT NULL
        """)
        if not self._db.execute("SELECT 1 FROM pictures LIMIT 1").fetchall():
            return
        used = "SELECT vector FROM images JOIN known_images USING (image_id) JOIN pictures USING (picture) ORDER BY row"
        for _, batch in self._stream(used, _IMAGE_ROWS):
            self._writer.images(_matrix(batch["vector"]))

    def items(self) -> None:
        """Items in the order of their ids."""
        sql = """
            SELECT item_id, words, coalesce(row, -1) AS image, category, domain
            FROM items LEFT JOIN pictures USING (picture) ORDER BY item
        """
        for _, batch in self._stream(sql):
            words = self._numbers(batch["words"])
            self._keep_texts(*words, np.ones(batch.num_rows, dtype=bool))
            self._writer.items(batch["item_id"], words, _array(batch["image"]), batch["category"], batch["domain"])

    def queries(self) -> None:
        """Steps in session order."""
        sql = """
            SELECT query_id, session, position, steps.time, steps.kind, words, coalesce(row, -1) AS image
            FROM steps JOIN (SELECT q, query_id, words FROM queries) AS asked USING (q)
            LEFT JOIN pictures USING (picture) ORDER BY step
        """
        for _, batch in self._stream(sql):
            words, session = self._numbers(batch["words"]), _array(batch["session"])
            self._keep_texts(*words, self._split[session] == TRAIN)
            position, time, kind = _array(batch["position"]), batch["time"].cast(pa.int64()), _array(batch["kind"])
            self._writer.queries(batch["query_id"], session, position, time, kind, words, _array(batch["image"]))

    def vocabulary(self, given: bool) -> None:
        """Words in order, with the vectors that are given, or with vectors made from what was written."""
        if given:
            sql = "SELECT word, vector FROM word_vectors SEMI JOIN vocabulary USING (word) ORDER BY word"
            for _, batch in self._stream(sql):
                self._writer.vocabulary(batch["word"], _matrix(batch["vector"]))
            return
        lengths = np.concatenate([lengths for lengths, _ in self._texts])
        values = np.concatenate([values for _, values in self._texts])
        vectors = ppmi_svd_vectors(offsets_of(lengths), values, len(self._words), dim=WORD_DIM, seed=self._seed)
        self._writer.vocabulary(self._words, vectors)

    def impressions(self) -> int:
        """Shown items in query order, by rank; returns the number of clicks."""
        clicks = 0
        sql = "SELECT step, item, rank, clicked, click_time FROM shown JOIN steps USING (q) ORDER BY step, rank"
        for _, batch in self._stream(sql):
            step, item, rank, clicked = (_array(batch[name]) for name in ("step", "item", "rank", "clicked"))
            self._writer.impressions(step, item, rank, clicked, batch["click_time"].cast(pa.int64()))
            clicks += int(clicked.sum())
        return clicks

    def _stream(self, sql: str, rows: int = _BATCH_ROWS) -> Iterator[tuple[int, pa.RecordBatch]]:
        first = 0
        batches: pa.RecordBatchReader = self._db.sql(sql).to_arrow_reader(rows)
        for batch in batches:
            yield first, batch
            first += batch.num_rows

    def _numbers(self, lists: pa.ListArray) -> tuple[NDArray[np.int64], Integers]:
        """Offsets and vocabulary rows of lists of words; words that are not in the vocabulary are left out."""
        rows = pc.index_in(lists.flatten(), self._words)
        known = rows.is_valid()
        owner = pc.list_parent_indices(lists).filter(known).to_numpy()
        return offsets_of(np.bincount(owner, minlength=len(lists))), rows.filter(known).to_numpy()

    def _keep_texts(self, offsets: Integers, values: Integers, usable: NDArray[np.bool_]) -> None:
        sampled = self._sampling.random(len(usable)) < self._sampled
        rows = np.flatnonzero(usable & sampled)
        taken, _ = take_rows(offsets, values, rows)
        self._texts.append((np.diff(offsets)[rows].astype(np.int32), taken))


def _matrix(vectors: pa.ListArray) -> NDArray[np.float32]:
    matrix: NDArray[np.float32] = vectors.flatten().to_numpy().reshape(len(vectors), -1)
    return matrix


def _array(values: pa.Array) -> NDArray[Any]:
    array: NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return array
