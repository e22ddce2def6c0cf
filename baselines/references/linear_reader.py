"""The best linear reader of a session: ridge regression from what was typed and shown to what the shopper wants.

It reads a step as mean word vector, by kind of step, and image; a prefix as its last step, the step before, the mean of
all its steps and a mean in which each step counts half as much as the next. It is fitted on the intents of training
sessions' queries; how much it shrinks is chosen on those of validation sessions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.data.csr import Integers, expand_ranges
from bench.data.schema import PRODUCT
from bench.training.ridge import fit_ridge

_IMAGE_DIRECTIONS = 48  # principal directions of the images that are read: many more than simulated images have
_READ, _QUERIES = 20_000, 30_000  # images that these are found in, queries that the reader is fitted on; at most
_RECENCY = 0.5


def read_intents(corpus: Corpus, intents: NDArray[np.float32], prefix: bool) -> NDArray[np.float32]:
    """(Q, d) what the reader takes for the intent of each query.

    Args:
        corpus: the data.
        intents: (Q, d) the true ones; only those of training and validation queries are looked at.
        prefix: read all steps up to the query's, or the query's alone.
    """
    read = _steps(corpus)  # (Q, f)
    if prefix:
        read = _prefixes(corpus, read)  # (Q, 4 f)
    train, valid = (_queries(corpus, split) for split in ("train", "valid"))
    reader = fit_ridge(read[train], intents[train], read[valid], intents[valid])
    return np.asarray(reader(read), dtype=np.float32)


def _queries(corpus: Corpus, split: str) -> NDArray[np.int64]:
    """Queries of the sessions of a split, the first _QUERIES of them."""
    sessions, bounds = corpus.session_rows(split), corpus.columns.session_queries
    rows, _ = expand_ranges(bounds[sessions], bounds[sessions + 1])
    return np.asarray(rows[:_QUERIES])


def _steps(corpus: Corpus) -> NDArray[np.float32]:
    """(Q, f) each step: words of a keyword query, words of a product query, image, and which of these it has."""
    columns = corpus.columns
    words = _mean_words(corpus, columns.query_word_offsets, columns.query_words)  # (Q, 50)
    product = (columns.query_kind == PRODUCT)[:, None]
    has_image = (columns.query_image >= 0)[:, None]
    images = _principal(corpus)[np.maximum(columns.query_image, 0)] * has_image  # (Q, 48)
    parts = [words * ~product, words * product, images, product, has_image]
    return np.concatenate([np.asarray(part, dtype=np.float32) for part in parts], axis=1)


def _mean_words(corpus: Corpus, offsets: Integers, words: Integers) -> NDArray[np.float32]:
    total = np.zeros((len(words) + 1, corpus.word_vectors.shape[1]))
    np.cumsum(corpus.word_vectors[words], axis=0, out=total[1:])
    counts = np.maximum(np.diff(offsets), 1)[:, None]
    return ((total[offsets[1:]] - total[offsets[:-1]]) / counts).astype(np.float32)


def _principal(corpus: Corpus) -> NDArray[np.float32]:
    """(I, 48) images along their principal directions; a row of zeros where a corpus has no image."""
    if not len(corpus.image_vectors):
        return np.zeros((1, 0), dtype=np.float32)
    some = np.asarray(corpus.image_vectors[:_READ], dtype=np.float32)
    _, directions = np.linalg.eigh(np.cov(some, rowvar=False))  # ascending
    return np.asarray(corpus.image_vectors, dtype=np.float32) @ directions[:, -_IMAGE_DIRECTIONS:].astype(np.float32)


def _prefixes(corpus: Corpus, step: NDArray[np.float32]) -> NDArray[np.float32]:
    """(Q, 4 f) of each prefix: its last step, the one before, the mean of all, the mean that favours recent ones."""
    bounds = corpus.columns.session_queries
    lengths = np.diff(bounds)
    before, total, recent, weight = np.zeros_like(step), step.copy(), step.copy(), np.ones((len(step), 1), np.float32)
    for position in range(1, int(lengths.max(initial=0))):
        query = bounds[:-1][lengths > position] + position
        before[query] = step[query - 1]
        total[query] += total[query - 1]
        recent[query] += _RECENCY * recent[query - 1]
        weight[query] += _RECENCY * weight[query - 1]
    steps = 1 + np.arange(len(step)) - bounds[corpus.columns.query_session]  # (Q,) of each prefix
    return np.concatenate([step, before, total / steps[:, None].astype(np.float32), recent / weight], axis=1)
