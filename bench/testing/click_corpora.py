"""Corpora and batches to test click models with: an awkward one, the same with another future, one to learn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.contracts import ClickBatch
from bench.data.batch import SessionBatch
from bench.data.clicks import rankable_queries
from bench.data.corpus import Corpus
from bench.data.csr import Integers, expand_ranges, offsets_of
from bench.data.features import Features
from bench.data.schema import KEYWORD, PRODUCT
from bench.data.writer import CorpusWriter
from bench.testing.corpora import random_corpus

TOPICS = 5
"""Of :func:`planted_corpus`, and the candidates of each of its queries, one of each topic."""


def awkward_corpus(folder: Path, sessions: int = 40, image_share: float = 0.5) -> Corpus:
    """A random corpus with what click models stumble over.

    Most users have two sessions, some one, some sessions have no user; queries show six, four or no items; some show
    nothing that was clicked; queries and titles repeat words, some queries have none, half of the product queries no
    image. With an ``image_share`` of 0 there are no images at all.
    """
    return rewritten(
        random_corpus(folder.with_name(f"{folder.name}-random"), sessions, image_share=image_share), folder, True
    )


def rewritten(
    corpus: Corpus,
    folder: Path,
    awkward: bool = False,
    steps: NDArray[np.bool_] | None = None,
    clicks: NDArray[np.bool_] | None = None,
) -> Corpus:
    """The corpus again, with changes.

    Args:
        corpus: what to write again.
        folder: where.
        awkward: drop users and impressions, see :func:`awkward_corpus`.
        steps: (Q,) bool, queries whose words, image and shown items are to be others.
        clicks: (Q,) bool, queries that show the same items, but whose clicks are to be on others.
    """
    columns, dims = corpus.columns, Features.of(corpus).dims
    none = np.zeros(len(columns.query_session), dtype=bool)
    steps, clicks = none if steps is None else steps, none if clicks is None else clicks
    names = {
        (table, column): corpus.strings(table, column)
        for table, column in (
            ("vocabulary", "word"),
            ("items", "item_id"),
            ("items", "category"),
            ("items", "domain"),
            ("sessions", "session_id"),
            ("sessions", "user"),
            ("queries", "query_id"),
        )
    }
    words, images, items = len(corpus.word_vectors), len(corpus.image_vectors), len(columns.item_image)
    lengths = np.diff(columns.query_word_offsets)
    query_words = np.where(np.repeat(steps, lengths), (columns.query_words + 7) % words, columns.query_words)
    query_image = np.where(
        steps & (columns.query_image >= 0), (columns.query_image + 5) % max(images, 1), columns.query_image
    )

    query = np.repeat(np.arange(len(none)), np.diff(columns.query_impressions))
    item = np.where(steps[query], (columns.impression_item + 11) % items, columns.impression_item)
    last = columns.query_impressions[query + 1] - 1  # each click moves one place down, that of the last to the first
    source = np.where(np.arange(len(query)) == columns.query_impressions[query], last, np.arange(len(query)) - 1)
    clicked = np.where(clicks[query], columns.impression_clicked[source], columns.impression_clicked)
    kept = np.ones(len(query), dtype=bool)
    user = names["sessions", "user"].to_pylist()
    if awkward:
        user = [None if row % 5 == 4 else name for row, name in enumerate(user)]
        kept = (query % 11 != 5) & ((query % 3 != 0) | (columns.impression_rank <= 4))
    with CorpusWriter(
        folder, name="rewritten", origin="simulated", licence="Apache-2.0", word_dim=dims.words, image_dim=dims.images
    ) as writer:
        writer.vocabulary(names["vocabulary", "word"], corpus.word_vectors)
        writer.images(corpus.image_vectors)
        writer.items(
            names["items", "item_id"],
            (columns.item_word_offsets, columns.item_words),
            columns.item_image,
            names["items", "category"],
            names["items", "domain"],
        )
        start = pq.read_table(corpus.folder / "sessions.parquet", columns=["start"])["start"]
        writer.sessions(names["sessions", "session_id"], user, start, columns.session_split, columns.session_downstream)
        time = pq.read_table(corpus.folder / "queries.parquet", columns=["time"])["time"]
        position = np.arange(len(none)) - columns.session_queries[columns.query_session]
        writer.queries(
            names["queries", "query_id"],
            columns.query_session,
            position,
            time,
            columns.query_kind,
            (columns.query_word_offsets, query_words),
            query_image,
        )
        no_time = pa.nulls(int(kept.sum()), pa.timestamp("ms"))
        writer.impressions(query[kept], item[kept], columns.impression_rank[kept], clicked[kept], no_time)
    return Corpus(folder)


def planted_corpus(folder: Path, sessions: int = 400) -> Corpus:
    """A keyword query, then a product query of the same topic; of five items, one of each topic, this one is clicked.

    Words and images both tell the topic: whatever a click model reads, it can learn this.
    """
    rng = np.random.default_rng(0)
    per_topic, items = 6, 20 * TOPICS
    with CorpusWriter(
        folder, name="planted", origin="simulated", licence="Apache-2.0", word_dim=8, image_dim=TOPICS
    ) as writer:
        word_topic, item_topic = np.arange(per_topic * TOPICS) % TOPICS, np.arange(items) % TOPICS
        vectors = 2 * np.eye(TOPICS, 8)[word_topic] + 0.3 * rng.normal(size=(len(word_topic), 8))
        writer.vocabulary([f"w{i}" for i in range(len(word_topic))], vectors.astype(np.float32))
        writer.images((100 * np.eye(TOPICS)[item_topic] + rng.integers(-10, 11, (items, TOPICS))).astype(np.int8))
        title = item_topic[:, None] + TOPICS * rng.integers(0, per_topic, (items, 3))
        names = [f"i{i}" for i in range(items)]
        ragged = (offsets_of(np.full(items, 3)), title.ravel())
        writer.items(names, ragged, np.arange(items), ["c"] * items, ["d"] * items)
        place = np.arange(sessions)
        split = np.select([place % 5 < 3, place % 5 == 3], [0, 1], 2)
        users = [f"u{s // 2}" for s in place]
        writer.sessions([f"s{s}" for s in place], users, 10_000 * place, split, np.ones(sessions, bool))
        queries = 2 * sessions
        position = np.arange(queries) % 2
        topic = np.repeat(rng.integers(0, TOPICS, sessions), 2)
        asked = topic[:, None] + TOPICS * rng.integers(0, per_topic, (queries, 2))
        image = topic + TOPICS * rng.integers(0, items // TOPICS, queries)
        writer.queries(
            [f"q{q}" for q in range(queries)],
            np.arange(queries) // 2,
            position,
            10_000 * (np.arange(queries) // 2) + 1_000 * position,
            np.where(position == 1, PRODUCT, KEYWORD),
            (offsets_of(np.full(queries, 2)), asked.ravel()),
            np.where(position == 1, image, -1),
        )
        topics = rng.permuted(np.tile(np.arange(TOPICS), (queries, 1)), axis=1)
        shown = topics + TOPICS * rng.integers(0, items // TOPICS, (queries, TOPICS))
        clicked = (topics == topic[:, None]).ravel()
        rank = np.tile(np.arange(1, TOPICS + 1), queries)
        query = np.repeat(np.arange(queries), TOPICS)
        writer.impressions(query, shown.ravel(), rank, clicked, pa.nulls(len(query), pa.timestamp("ms")))
    return Corpus(folder)


def training_queries(corpus: Corpus) -> NDArray[np.int64]:
    """Rows of the training queries with a clicked and an unclicked item, ascending."""
    return rankable_queries(corpus, corpus.session_rows("train"))


def click_batch(corpus: Corpus, features: Features, queries: Integers, width: int = 0) -> ClickBatch:
    """These queries (B,) with all that they showed, filled up to ``width`` candidates at least.

    Every user has a code of his own; sessions without user have 0.
    """
    columns = corpus.columns
    starts, ends = columns.query_impressions[queries], columns.query_impressions[np.asarray(queries) + 1]
    rows, owner = expand_ranges(starts, ends)
    place = rows - starts[owner]
    shape = (len(queries), max(int((ends - starts).max(initial=0)), width, 1))
    items, clicks, shown = np.zeros(shape, np.int64), np.zeros(shape, np.float32), np.zeros(shape, bool)
    items[owner, place] = columns.impression_item[rows]
    clicks[owner, place] = columns.impression_clicked[rows]
    shown[owner, place] = True
    return ClickBatch(
        queries=torch.from_numpy(np.array(queries, dtype=np.int64)),
        users=torch.from_numpy(columns.session_user[columns.query_session[queries]] + 1),
        items=torch.from_numpy(items),
        shown=torch.from_numpy(shown),
        clicks=torch.from_numpy(clicks),
        lookup=_CorpusLookup(corpus, features),
    )


@dataclass(frozen=True)
class _CorpusLookup:
    """What lies behind the rows of a corpus, as :class:`bench.contracts.ClickLookup` has it."""

    corpus: Corpus
    features: Features

    def sessions(self, queries: Tensor) -> SessionBatch:
        return SessionBatch.from_prefixes(self.corpus, queries.numpy(), self.features)

    def query_text(self, queries: Tensor) -> Tensor:
        columns = self.corpus.columns
        return self.features.mean_words(columns.query_word_offsets, columns.query_words, queries.numpy())

    def item_text(self, items: Tensor) -> Tensor:
        columns, rows = self.corpus.columns, items.flatten().numpy()
        return self.features.mean_words(columns.item_word_offsets, columns.item_words, rows).view(*items.shape, -1)

    def item_images(self, items: Tensor) -> Tensor:
        images = self.corpus.columns.item_image[items.numpy()].astype(np.int64)
        return self.features.images_or_zero(torch.from_numpy(images))


class GivenInputs:
    """Inputs at hand, whatever the rows are: a :class:`bench.contracts.ClickLookup`.

    Args:
        inputs: ``sessions``, ``query_text``, ``item_text`` and ``item_images``; one that is not given must not be read.
    """

    def __init__(self, **inputs: Any) -> None:
        self._inputs: dict[str, Any] = inputs

    def sessions(self, queries: Tensor) -> SessionBatch:
        """As given."""
        sessions: SessionBatch = self._inputs["sessions"]
        return sessions

    def query_text(self, queries: Tensor) -> Tensor:
        """As given."""
        query_text: Tensor = self._inputs["query_text"]
        return query_text

    def item_text(self, items: Tensor) -> Tensor:
        """As given."""
        item_text: Tensor = self._inputs["item_text"]
        return item_text

    def item_images(self, items: Tensor) -> Tensor:
        """As given."""
        item_images: Tensor = self._inputs["item_images"]
        return item_images


def altered(batch: ClickBatch, **values: Any) -> ClickBatch:
    """The batch with other fields, or with other inputs than those that its lookup finds."""
    names = ("sessions", "query_text", "item_text", "item_images")
    given = {name: values.pop(name) if name in values else getattr(batch, name) for name in names}
    return replace(batch, lookup=GivenInputs(**given), **values)
