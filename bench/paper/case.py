"""Figure 6's case: which session is shown; chosen by what was asked and clicked, never by an encoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bench.data.batch import SessionBatch
from bench.data.clicks import clicks_per_query
from bench.data.corpus import Corpus
from bench.data.csr import Integers, take_rows
from bench.data.features import Features
from bench.data.schema import KEYWORD, KINDS, PRODUCT
from bench.errors import BenchError


@dataclass(frozen=True)
class Case:
    """A query in its session, and what it showed.

    Attributes:
        query: its row; the session is the prefix that ends with it.
        clicked, unclicked: rows of the items that it showed, in the order shown.
        rule: how it was chosen.
    """

    query: int
    clicked: NDArray[np.int64]
    unclicked: NDArray[np.int64]
    rule: str


@dataclass(frozen=True)
class _Facts:
    """Of queries (Q,): place in the session, kind, an image of its own or before it, clicks, and items shown."""

    position: NDArray[np.int64]
    kind: NDArray[np.int8]
    image: NDArray[np.bool_]
    seen_image: NDArray[np.bool_]
    keyword_before: NDArray[np.bool_]
    clicks: NDArray[np.int64]
    shown: NDArray[np.int64]


_RULES: tuple[tuple[str, Callable[[_Facts], NDArray[np.bool_]]], ...] = (
    (
        "a keyword query, then a product query with an image, after which one of the shown items was clicked",
        lambda f: (f.position == 1) & f.keyword_before & (f.kind == PRODUCT) & f.image & (f.clicks == 1),
    ),
    ("a product query with an image, with a click", lambda f: (f.kind == PRODUCT) & f.image & (f.clicks > 0)),
    ("any query, with an image up to it and a click", lambda f: (f.image | f.seen_image) & (f.clicks > 0)),
)
"""From the paper's own case (section 4.4) to what every corpus has; the first rule with a match decides."""


def choose_case(corpus: Corpus) -> Case:
    """The first query of the downstream sample's test sessions, in the corpus's order, that fits the strictest rule.

    Raises:
        BenchError: no test query with an image, a click and an unclicked item.
    """
    queries, facts = _facts(corpus)
    for words, fits in _RULES:
        found = np.flatnonzero(fits(facts) & (facts.shown > facts.clicks))
        if len(found):
            query = int(queries[found[0]])
            first, last = corpus.columns.query_impressions[query : query + 2]
            items = np.asarray(corpus.columns.impression_item[first:last], dtype=np.int64)
            clicked = np.asarray(corpus.columns.impression_clicked[first:last])
            return Case(query, items[clicked], items[~clicked], f"the first test query that fits: {words}")
    raise BenchError(
        "no test query has an image, a clicked and an unclicked item",
        where=str(corpus.folder),
        fix="a larger downstream sample",
    )


def describe_steps(corpus: Corpus, query: int) -> list[str]:
    """The steps up to and including ``query``, one line each: kind, words, and the row of the image."""
    columns = corpus.columns
    first = int(columns.session_queries[columns.query_session[query]])
    vocabulary, lines = corpus.strings("vocabulary", "word"), []
    for number, step in enumerate(range(first, query + 1), 1):  # of one session
        rows = columns.query_words[columns.query_word_offsets[step] : columns.query_word_offsets[step + 1]]
        words = " ".join(vocabulary.take(np.asarray(rows)).to_pylist())
        image = int(columns.query_image[step])
        lines.append(
            f"{number} {KINDS[columns.query_kind[step]]}: {words}" + (f" + image {image}" if image >= 0 else "")
        )
    return lines


def items_as_sessions(corpus: Corpus, items: NDArray[np.int64], features: Features) -> SessionBatch:
    """(n,) items as sessions of one product step each, the title its words: what searching for that product would be.

    So an item gets its vector from the same encoder as a session, and distances between the two mean something.
    """
    columns, device = corpus.columns, features.device
    words, owner = take_rows(columns.item_word_offsets, columns.item_words, items)
    images = np.asarray(columns.item_image[items], dtype=np.int64)
    pictured = np.flatnonzero(images >= 0)

    def tensor(values: Integers) -> torch.Tensor:
        return torch.from_numpy(np.asarray(values, dtype=np.int64)).to(device)

    return SessionBatch(
        features,
        len(items),
        step_session=tensor(np.arange(len(items))),
        step_kind=tensor(np.full(len(items), PRODUCT)),
        words=tensor(words),
        word_step=tensor(owner),
        images=tensor(images[pictured]),
        image_step=tensor(pictured),
    )


def _facts(corpus: Corpus) -> tuple[NDArray[np.int64], _Facts]:
    """Rows of the queries of the downstream sample's test sessions, and what the rules ask of them."""
    columns = corpus.columns
    wanted = np.zeros(len(columns.session_split), dtype=bool)
    wanted[corpus.session_rows("test", downstream=True)] = True
    queries = np.flatnonzero(wanted[columns.query_session])
    start = columns.session_queries[columns.query_session[queries]]
    images = np.concatenate([[0], np.cumsum(columns.query_image >= 0)])
    first, last = columns.query_impressions[queries], columns.query_impressions[queries + 1]
    position = queries - start
    return queries, _Facts(
        position=position,
        kind=columns.query_kind[queries],
        image=columns.query_image[queries] >= 0,
        seen_image=images[queries] > images[start],
        keyword_before=(position > 0) & (columns.query_kind[np.maximum(queries - 1, 0)] == KEYWORD),
        clicks=clicks_per_query(columns)[queries],
        shown=last - first,
    )
