"""The session of Figure 6, chosen by its queries and clicks and never by an encoder's output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bench.data.batch import SessionBatch
from bench.data.clicks import clicks_per_query
from bench.data.corpus import Corpus
from bench.data.csr import Integers, take_rows
from bench.data.features import Features
from bench.data.pictures import read_pictures
from bench.data.schema import KEYWORD, KINDS, PRODUCT
from bench.datasets.images.thumbnails import decoded_picture
from bench.errors import BenchError
from bench.figures.session_text import Picture


@dataclass(frozen=True)
class Case:
    """A session prefix and the items shown for its last query.

    Attributes:
        query: row of the last query.
        clicked, unclicked: (n,) rows of the clicked and of the unclicked items, in the order shown.
        rule: the rule by which it was chosen, for the caption.
    """

    query: int
    clicked: NDArray[np.int64]
    unclicked: NDArray[np.int64]
    rule: str


@dataclass(frozen=True)
class _Facts:
    """What the rules ask of Q queries, (Q,) each.

    Attributes:
        position: position in the session, from 0.
        kind: code of the query's kind.
        image: whether the query has an image.
        seen_image: whether an earlier query of the session has one.
        keyword_before: whether the query before it in the session is a keyword query.
        clicks, shown: numbers of clicked and of shown items.
    """

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
"""Rules from the strictest, the paper's own case (section 4.4), to the loosest; the first that is met decides."""


def choose_case(corpus: Corpus) -> Case:
    """The first test query of the downstream sample, in the corpus's order, that meets the strictest rule met by any.

    Raises:
        BenchError: no test query has an image up to it, a clicked and an unclicked item.
    """
    queries, facts = _facts(corpus)
    for description, rule in _RULES:
        matches = np.flatnonzero(rule(facts) & (facts.shown > facts.clicks))
        if len(matches):
            query = int(queries[matches[0]])
            start, end = corpus.columns.query_impressions[query : query + 2]
            items = np.asarray(corpus.columns.impression_item[start:end], dtype=np.int64)
            clicked = np.asarray(corpus.columns.impression_clicked[start:end])
            return Case(query, items[clicked], items[~clicked], f"the first test query that fits: {description}")
    raise BenchError(
        "no test query has an image, a clicked and an unclicked item",
        where=str(corpus.folder),
        fix="make the corpus with a larger downstream sample",
    )


def describe_steps(corpus: Corpus, query: int) -> list[str]:
    """The steps of a session up to and including ``query``, one line each: kind, words, and the row of the image."""
    columns = corpus.columns
    session_start = int(columns.session_queries[columns.query_session[query]])
    vocabulary, lines = corpus.strings("vocabulary", "word"), []
    for number, step in enumerate(range(session_start, query + 1), 1):  # of one session
        rows = columns.query_words[columns.query_word_offsets[step] : columns.query_word_offsets[step + 1]]
        words = " ".join(vocabulary.take(np.asarray(rows)).to_pylist())
        image = int(columns.query_image[step])
        lines.append(
            f"{number} {KINDS[columns.query_kind[step]]}: {words}" + (f" + image {image}" if image >= 0 else "")
        )
    return lines


def step_images(corpus: Corpus, query: int) -> list[int]:
    """The image of each step of a session up to and including ``query``, as its row; -1 for none."""
    columns = corpus.columns
    session_start = int(columns.session_queries[columns.query_session[query]])
    images: list[int] = np.asarray(columns.query_image[session_start : query + 1]).tolist()
    return images


def pictures_of(corpus: Corpus, images: Sequence[int]) -> list[Picture | None]:
    """The small picture of each image, (height, width, 3) of bytes; None for an image that has none in the corpus."""
    found = read_pictures(corpus, images)
    return [decoded_picture(found[image]) if image in found else None for image in images]


def candidate_pictures(corpus: Corpus, query: int) -> dict[int, Picture]:
    """The small pictures of the items shown for a query, by their place from 1; of those that have one."""
    start, end = corpus.columns.query_impressions[query : query + 2]
    items = np.asarray(corpus.columns.impression_item[start:end], dtype=np.int64)
    pictures = pictures_of(corpus, corpus.columns.item_image[items].tolist())
    return {place: picture for place, picture in enumerate(pictures, 1) if picture is not None}


def items_as_sessions(corpus: Corpus, items: NDArray[np.int64], features: Features) -> SessionBatch:
    """Items as sessions of one product query each, with the title as its words, as if one searched for the item.

    An item then gets its vector from the same encoder as a session, so that distances between the two are defined.

    Args:
        corpus: the corpus.
        items: (n,) rows of the items.
        features: of the corpus; the batch is on its device.

    Returns:
        a batch of n sessions.
    """
    columns, device = corpus.columns, features.device
    words, owner = take_rows(columns.item_word_offsets, columns.item_words, items)
    images = np.asarray(columns.item_image[items], dtype=np.int64)
    with_image = np.flatnonzero(images >= 0)

    def tensor(values: Integers) -> torch.Tensor:
        return torch.from_numpy(np.asarray(values, dtype=np.int64)).to(device)

    return SessionBatch(
        features,
        len(items),
        step_session=tensor(np.arange(len(items))),
        step_kind=tensor(np.full(len(items), PRODUCT)),
        words=tensor(words),
        word_step=tensor(owner),
        images=tensor(images[with_image]),
        image_step=tensor(with_image),
    )


def _facts(corpus: Corpus) -> tuple[NDArray[np.int64], _Facts]:
    """Rows (Q,) of the downstream sample's test queries, and what the rules ask of them."""
    columns = corpus.columns
    is_test = np.zeros(len(columns.session_split), dtype=bool)
    is_test[corpus.session_rows("test", downstream=True)] = True
    queries = np.flatnonzero(is_test[columns.query_session])
    session_start = columns.session_queries[columns.query_session[queries]]
    images_before = np.concatenate([[0], np.cumsum(columns.query_image >= 0)])
    position = queries - session_start
    return queries, _Facts(
        position=position,
        kind=columns.query_kind[queries],
        image=columns.query_image[queries] >= 0,
        seen_image=images_before[queries] > images_before[session_start],
        keyword_before=(position > 0) & (columns.query_kind[np.maximum(queries - 1, 0)] == KEYWORD),
        clicks=clicks_per_query(columns)[queries],
        shown=columns.query_impressions[queries + 1] - columns.query_impressions[queries],
    )
