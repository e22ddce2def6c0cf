"""Small random corpora for tests, awkward cases among them: repeated words, words of both types, no images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.data.csr import offsets_of
from bench.data.writer import CorpusWriter

SHOWN = 6
"""Items that each query of :func:`random_corpus` shows."""

IMAGES = {"with images": 0.5, "without images": 0.0}
"""Shares of product queries that have an image: kits run everything on both corpora."""

VARIANTS: dict[str, dict[str, Any]] = {
    "without images": {"image_share": 0.0},
    "one-step sessions": {"longest": 1, "image_share": 0.5},
    "a session a user": {"user_sessions": 1, "image_share": 0.5},
    "without users": {"user_sessions": 0, "image_share": 0.5},
    "without categories": {"categories": 0, "image_share": 0.5},
    "a click a session": {"longest": 1, "clicks": 1, "image_share": 0.5},
    "everything clicked": {"clicks": SHOWN, "image_share": 0.5},
    "few clicked": {"click_share": 0.1, "image_share": 0.5},
    "nothing clicked": {"clicks": 0, "image_share": 0.5},
    "words alone": {"image_share": 0.0, "user_sessions": 0, "categories": 0, "clicks": 0},
}
"""Options of :func:`random_corpus` for corpora that lack something; kits run on each of them."""

Marker = Callable[[NDArray[np.int64], NDArray[np.int8]], NDArray[np.bool_]]
"""From the position and the split code of each step, (Q,) both, to (Q,) bool."""


def variant_corpus(folder: Path, variant: str, sessions: int = 40) -> Corpus:
    """The corpus of one of :data:`VARIANTS`."""
    return random_corpus(folder, sessions, **VARIANTS[variant])


def random_corpus(
    folder: Path,
    sessions: int = 60,
    seed: int = 0,
    vocabulary: int = 40,
    longest: int = 6,
    image_share: float = 1.0,
    user_sessions: int = 2,
    categories: int = 3,
    clicks: int = 2,
    click_share: float = 1.0,
    redrawn: Marker | None = None,
) -> Corpus:
    """A corpus of random sessions of 1 … ``longest`` steps over a small vocabulary, so that words repeat.

    Some keyword queries have no words, some words stand twice in a query, some product queries have no image
    (1 - ``image_share`` of them). Every query shows six items, ``clicks`` of them clicked. Word vectors are 8 wide,
    image vectors 12; with an ``image_share`` of 0 there are none, of items neither.

    Args:
        folder: where it shall stand.
        sessions, seed, vocabulary, longest, image_share, clicks: see above.
        user_sessions: sessions of each user; 0 leaves the sessions without users.
        click_share: share of the sessions in which anything is clicked.
        categories: number of categories; 0 leaves the items without categories and domains.
        redrawn: words and images of the steps that it marks are drawn anew; everything else stays as it is without.
    """
    rng = np.random.default_rng(seed)
    items = max(3 * sessions, 12)
    with CorpusWriter(
        folder, name="small", origin="simulated", licence="Apache-2.0", word_dim=8, image_dim=12, caveats=["random"]
    ) as writer:
        writer.vocabulary([f"w{i}" for i in range(vocabulary)], rng.normal(size=(vocabulary, 8)).astype(np.float32))
        vectors = rng.integers(-127, 128, (items, 12)).astype(np.int8)
        writer.images(vectors if image_share else vectors[:0])
        title = rng.integers(1, 7, items)
        title_words = rng.integers(0, vocabulary, title.sum())
        names = [f"i{i}" for i in range(items)]
        writer.items(
            names,
            (offsets_of(title), title_words),
            np.arange(items) if image_share else np.full(items, -1),
            [f"c{i % categories}" if categories else None for i in range(items)],
            ["d" if categories else None] * items,
        )

        steps = rng.integers(1, longest + 1, sessions)
        total = int(steps.sum())
        session = np.repeat(np.arange(sessions), steps)
        position = np.arange(total) - np.repeat(np.cumsum(steps) - steps, steps)
        kind = ((position > 0) & (rng.random(total) < 0.5)).astype(int)
        image = np.where((kind == 1) & (rng.random(total) < image_share), rng.integers(0, items, total), -1)
        words = rng.integers(0, 6, total)
        time = 1_000_000 * session + 1_000 * position
        split = rng.permutation(np.arange(sessions) % 5)  # 3/5 train, 1/5 valid, 1/5 test
        split = np.where(split < 3, 0, split - 2)
        users = [f"u{i // user_sessions}" if user_sessions else None for i in range(sessions)]
        writer.sessions([f"s{i}" for i in range(sessions)], users, time[position == 0], split, np.ones(sessions))
        word = rng.integers(0, vocabulary, words.sum())
        if redrawn is not None:
            again, marked = np.random.default_rng([seed, 1]), redrawn(position, split[session])
            image = np.where(marked & (image >= 0), again.integers(0, items, total), image)
            word = np.where(np.repeat(marked, words), again.integers(0, vocabulary, len(word)), word)
        query_words = (offsets_of(words), word)
        writer.queries([f"q{i}" for i in range(total)], session, position, time, kind, query_words, image)
        query = np.repeat(np.arange(total), SHOWN)
        shown = (rng.integers(0, items, total)[:, None] + np.arange(SHOWN)).reshape(-1) % items
        clicked = np.argsort(rng.random((total, SHOWN)), axis=1).reshape(-1) < clicks
        if click_share < 1:
            clicked &= (rng.random(sessions) < click_share)[session[query]]
        click_time = pa.array(time[query] + 10, mask=~clicked)
        writer.impressions(query, shown, np.tile(np.arange(1, SHOWN + 1), total), clicked, click_time)
    return Corpus(folder)
