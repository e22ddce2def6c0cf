"""The tables of a corpus, streamed from the kept sessions of a staged event log."""

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
from bench.data.splits import downstream_sample
from bench.data.word_vectors import ppmi_svd_vectors
from bench.data.writer import WORD_DIM, CorpusWriter
from bench.datasets.arrow import matrix_of
from bench.datasets.ingest.splitting import LogSplit

_BATCH_ROWS = 65_536
_IMAGE_ROWS = 8_192
_TEXTS_FOR_VECTORS = 2_000_000
"""Word vectors are computed from a random sample of at most so many texts, which have to fit in memory."""


class WriteCorpus:
    """Writes the tables of a corpus from those that ``sessionise`` and ``number_words`` left in the database.

    Call ``sessions``, ``images``, ``items``, ``queries``, ``vocabulary`` and ``impressions`` in this order.

    Args:
        writer: the corpus that is written.
        db: the database.
        split: of the sessions.
        seed: of the downstream sample, and of the texts that word vectors are computed from.
    """

    def __init__(self, writer: CorpusWriter, db: duckdb.DuckDBPyConnection, split: LogSplit, seed: int) -> None:
        self._writer, self._db, self._seed = writer, db, seed
        self._split, self._titles = split.of_session, split.usable_titles
        words = [batch["word"] for _, batch in self._stream("SELECT word FROM vocabulary ORDER BY word")]
        self._words = pa.concat_arrays(words)
        texts = "SELECT (SELECT count(*) FROM items) + (SELECT count(*) FROM steps)"
        self._sampled = min(1.0, _TEXTS_FOR_VECTORS / db.execute(texts).fetchall()[0][0])
        self._sampling = np.random.default_rng([seed, 2])
        self._texts: list[tuple[Integers, Integers]] = []  # lengths and words of the sampled texts

    def sessions(self, downstream: int) -> None:
        """Writes the sessions in the order of their starts; a seed always gives the same downstream sample."""
        sample = downstream_sample(len(self._split), downstream, seed=self._seed, zeros=self._writer.mapped)
        for row, batch in self._stream("SELECT session_id, user, start FROM sessions ORDER BY session"):
            rows = slice(row, row + batch.num_rows)
            start = batch["start"].cast(pa.int64())
            self._writer.sessions(batch["session_id"], batch["user"], start, self._split[rows], sample[rows])

    def images(self) -> None:
        """Writes the vectors of the images that steps and items refer to, in the order of image ids."""
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
            self._writer.images(matrix_of(batch["vector"], np.float32))

    def items(self) -> None:
        """Writes the items in the order of their ids."""
        sql = f"""
            SELECT item_id, words, coalesce(row, -1) AS image, category, domain, {self._titles} AS usable
            FROM items LEFT JOIN pictures USING (picture) ORDER BY item
        """
        for _, batch in self._stream(sql):
            words = self._word_rows(batch["words"])
            self._sample_texts(*words, _array(batch["usable"]))
            self._writer.items(batch["item_id"], words, _array(batch["image"]), batch["category"], batch["domain"])

    def queries(self) -> None:
        """Writes the steps in session order."""
        sql = """
            SELECT query_id, session, position, steps.time, steps.kind, words, coalesce(row, -1) AS image
            FROM steps JOIN (SELECT q, query_id, words FROM queries) AS asked USING (q)
            LEFT JOIN pictures USING (picture) ORDER BY step
        """
        for _, batch in self._stream(sql):
            words, session = self._word_rows(batch["words"]), _array(batch["session"])
            self._sample_texts(*words, self._split[session] == TRAIN)
            position, time, kind = _array(batch["position"]), batch["time"].cast(pa.int64()), _array(batch["kind"])
            self._writer.queries(batch["query_id"], session, position, time, kind, words, _array(batch["image"]))

    def vocabulary(self, given: bool) -> None:
        """Writes the words in alphabetical order, with the log's vectors or with vectors computed from sampled texts.

        Args:
            given: whether the log gives word vectors.
        """
        if given:
            sql = "SELECT word, vector FROM word_vectors SEMI JOIN vocabulary USING (word) ORDER BY word"
            for _, batch in self._stream(sql):
                self._writer.vocabulary(batch["word"], matrix_of(batch["vector"], np.float32))
            return
        lengths = np.concatenate([lengths for lengths, _ in self._texts])
        values = np.concatenate([values for _, values in self._texts])
        vectors = ppmi_svd_vectors(offsets_of(lengths), values, len(self._words), dim=WORD_DIM, seed=self._seed)
        self._writer.vocabulary(self._words, vectors)

    def impressions(self) -> int:
        """Writes the impressions in query order, by rank; returns the number of clicks."""
        clicks = 0
        sql = "SELECT step, item, rank, clicked, click_time FROM shown JOIN steps USING (q) ORDER BY step, rank"
        for _, batch in self._stream(sql):
            step, item, rank, clicked = (_array(batch[name]) for name in ("step", "item", "rank", "clicked"))
            self._writer.impressions(step, item, rank, clicked, batch["click_time"].cast(pa.int64()))
            clicks += int(clicked.sum())
        return clicks

    def _stream(self, sql: str, batch_rows: int = _BATCH_ROWS) -> Iterator[tuple[int, pa.RecordBatch]]:
        """The result of a query in batches, each with the number of its first row."""
        row = 0
        batches: pa.RecordBatchReader = self._db.sql(sql).to_arrow_reader(batch_rows)
        for batch in batches:
            yield row, batch
            row += batch.num_rows

    def _word_rows(self, lists: pa.ListArray) -> tuple[NDArray[np.int64], Integers]:
        """Lists of words as CSR ``(offsets, vocabulary rows)``, without the words that are not in the vocabulary."""
        rows = pc.index_in(lists.flatten(), self._words)
        known = rows.is_valid()
        owner = pc.list_parent_indices(lists).filter(known).to_numpy()
        return offsets_of(np.bincount(owner, minlength=len(lists))), rows.filter(known).to_numpy()

    def _sample_texts(self, offsets: Integers, words: Integers, usable: NDArray[np.bool_]) -> None:
        """Keeps a random sample of the ``usable`` texts for word vectors, at the share that fits in memory."""
        sampled = self._sampling.random(len(usable)) < self._sampled
        rows = np.flatnonzero(usable & sampled)
        sampled_words, _ = take_rows(offsets, words, rows)
        self._texts.append((np.diff(offsets)[rows].astype(np.int32), sampled_words))


def _array(values: pa.Array) -> NDArray[Any]:
    array: NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return array
