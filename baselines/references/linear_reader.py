"""The best linear reader of a session: ridge regression from what was typed and shown to what the shopper wants.

It reads a step as mean word vector, by kind of step, and image; a prefix as its last step, the step before, the mean of
all its steps and a mean in which each step counts half as much as the next. It is fitted on the intents of training
sessions' queries; how much it shrinks is chosen on those of validation sessions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.data.csr import expand_ranges, offsets_of
from bench.data.features import Features
from bench.data.schema import PRODUCT
from bench.training.ridge import fit_ridge

_IMAGE_DIRECTIONS = 48  # principal directions of the images that are read: many more than simulated images have
_IMAGES = 10_000  # that these are found in, at most
_SESSIONS = 5_000  # of training, and of validation, that the reader is fitted and chosen on, at most
_RECENCY = 0.5


def read_intents(corpus: Corpus, intents: NDArray[np.float32], prefix: bool) -> NDArray[np.float32]:
    """(Q, d) what the reader takes for the intent of each query of the downstream sample; zero for other queries.

    Args:
        corpus: the data.
        intents: (Q, d) the true ones; only those of training and validation queries are looked at.
        prefix: read all steps up to the query's, or the query's alone.
    """
    columns = corpus.columns
    wanted = columns.session_downstream.copy()
    fitted = {split: corpus.session_rows(split)[:_SESSIONS] for split in ("train", "valid")}
    for sessions in fitted.values():
        wanted[sessions] = True
    sessions, bounds = np.flatnonzero(wanted), columns.session_queries
    query, _ = expand_ranges(bounds[sessions], bounds[sessions + 1])  # (n,) of the sessions that are looked at
    read = _steps(corpus, query)  # (n, f)
    if prefix:
        read = _prefixes(read, offsets_of(np.diff(bounds)[sessions]))  # (n, 4 f)
    train, valid = (np.isin(columns.query_session[query], fitted[split]) for split in ("train", "valid"))
    reader = fit_ridge(read[train], intents[query[train]], read[valid], intents[query[valid]])
    found = np.zeros_like(intents)
    found[query] = reader(read)
    return found


def _steps(corpus: Corpus, query: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n, f) the steps ``query`` (n,): words of a keyword query or of a product query, image, and which they have."""
    columns = corpus.columns
    words = Features.of(corpus).mean_words(columns.query_word_offsets, columns.query_words, query).numpy()  # (n, 50)
    product, image = (columns.query_kind[query] == PRODUCT)[:, None], columns.query_image[query]
    has_image = (image >= 0)[:, None]
    parts = [words * ~product, words * product, _principal(corpus, image), product, has_image]
    return np.concatenate([np.asarray(part, dtype=np.float32) for part in parts], axis=1)


def _principal(corpus: Corpus, image: NDArray[np.integer]) -> NDArray[np.float32]:
    """(n, 48) the images ``image`` (n,) along the principal directions of the corpus's images; zero for image -1."""
    if not len(corpus.image_vectors):
        return np.zeros((len(image), 0), dtype=np.float32)
    some = np.asarray(corpus.image_vectors[:_IMAGES], dtype=np.float32)
    _, directions = np.linalg.eigh(np.cov(some, rowvar=False))  # ascending
    along, there = directions[:, -_IMAGE_DIRECTIONS:].astype(np.float32), image >= 0
    found = np.zeros((len(image), along.shape[1]), dtype=np.float32)
    found[there] = np.asarray(corpus.image_vectors[image[there]], dtype=np.float32) @ along
    return found


def _prefixes(step: NDArray[np.float32], bounds: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n, 4 f) of each prefix: its last step, the one before, the mean of all, the mean that favours recent ones.

    Args:
        step: (n, f) steps in session order.
        bounds: (S + 1,) offsets of the sessions into the steps.
    """
    lengths = np.diff(bounds)
    before, total, recent, weight = np.zeros_like(step), step.copy(), step.copy(), np.ones((len(step), 1), np.float32)
    for position in range(1, int(lengths.max(initial=0))):
        row = bounds[:-1][lengths > position] + position
        before[row] = step[row - 1]
        total[row] += total[row - 1]
        recent[row] += _RECENCY * recent[row - 1]
        weight[row] += _RECENCY * weight[row - 1]
    steps = 1 + np.arange(len(step)) - np.repeat(bounds[:-1], lengths)  # (n,) of each prefix
    return np.concatenate([step, before, total / steps[:, None].astype(np.float32), recent / weight], axis=1)
