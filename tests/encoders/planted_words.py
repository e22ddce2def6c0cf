"""A corpus whose words come in groups that are always said together; which groups meet in a query is chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.data.csr import offsets_of
from bench.data.writer import CorpusWriter


def grouped_corpus(
    folder: Path,
    sessions: int = 600,
    groups: int = 10,
    size: int = 2,
    per_query: int = 2,
    words: list[str] | None = None,
    vectors: NDArray | None = None,
) -> Corpus:
    """Sessions of one to three steps with ``per_query`` groups each, mixed; words 0 … size - 1 are the first group.

    The last word of the vocabulary is never said.

    Args:
        folder: where it shall stand.
        sessions, groups, size, per_query: how many, words in a group, groups in a query.
        words: their text, ``w0`` … without.
        vectors: of the words, random without.
    """
    rng = np.random.default_rng(4)
    vocabulary = words or [f"w{i}" for i in range(groups * size + 1)]
    vectors = rng.normal(size=(len(vocabulary), 8)).astype(np.float32) if vectors is None else vectors
    with CorpusWriter(
        folder, name="grouped", origin="simulated", licence="Apache-2.0", word_dim=8, image_dim=12, caveats=["planted"]
    ) as writer:
        writer.vocabulary(vocabulary, vectors)
        writer.images(rng.integers(-127, 128, (5, 12)).astype(np.int8))
        writer.items(
            ["i0", "i1"], (offsets_of(np.array([1, 1])), np.array([0, 1])), np.arange(2), ["c", "c"], ["d"] * 2
        )
        steps = rng.integers(1, 4, sessions)
        session = np.repeat(np.arange(sessions), steps)
        total = len(session)
        position = np.arange(total) - offsets_of(steps)[:-1][session]
        split = np.arange(sessions) % 5
        split = np.where(split < 3, 0, split - 2)
        time = 1_000_000 * session + 1_000 * position
        ids = [f"s{i}" for i in range(sessions)]
        writer.sessions(ids, ids, time[position == 0], split, np.ones(sessions))
        group = rng.permuted(np.tile(np.arange(groups), (total, 1)), axis=1)[:, :per_query]  # different ones
        said = rng.permuted((size * group[:, :, None] + np.arange(size)).reshape(total, -1), axis=1)
        image = np.where(position % 2 == 1, rng.integers(0, 5, total), -1)
        query_words = (offsets_of(np.full(total, per_query * size)), said.reshape(-1))
        writer.queries([f"q{i}" for i in range(total)], session, position, time, position % 2, query_words, image)
        shown = np.tile([0, 1], total)
        clicks = pa.array(np.repeat(time, 2) + 10, mask=shown == 0)
        writer.impressions(np.repeat(np.arange(total), 2), shown, shown + 1, shown == 1, clicks)
    return Corpus(folder)
