"""The simulated search engine. It sees the current query, and nothing of the intent, the user or the clicks.

It maps a query to the items' latent space: r_text is the mean meaning of the words, scaled to length sqrt(TEXT_DIM),
and r_visual the visual latent of the image, zero without one. Its index sorts the items of each leaf along each latent
axis. For a query it draws an axis, favouring those where the query's coordinate is large, takes the items nearest to
the query's quantile on it as candidates, and ranks them by relevance

    relevance_i = (<r_text, a_i> + <r_visual, u_i>) / sqrt(TEXT_DIM) + ENGINE_NOISE · Normal.

With ``observed`` it has no latents to read: in place of a_i it reads the words of the title, as it reads those of a
query, and in place of u the image (:func:`bench.datasets.simulated.catalogue.read_images`).

Queries have the distribution of items, so every item is among the candidates of some queries. Items that the session
has searched from are left out: shown again, such an item would be known by its image, and an image would tell that its
text was liked.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import ndtr

from bench.data.csr import Integers
from bench.data.mapped import pieces
from bench.data.shuffling import Zeros
from bench.data.writer import CorpusWriter
from bench.datasets.simulated.catalogue import CANDIDATES, ITEM_BLOCK, Catalogue
from bench.datasets.simulated.language import TEXT_DIM
from bench.datasets.simulated.randomness import GRID, on_grid

ENGINE_NOISE = 1.0
_NUMBER_BITS = 32  # of an item's number
_LEFT_OUT = 1e6  # not infinity: should a tiny leaf run out of items, their order is still settled


class Engine:
    """Searches a catalogue of N items.

    Args:
        catalogue: the items.
        shown: results per query.
        observed: read titles and images in place of latents.
        writer: of the corpus, which the index lies beside.
    """

    def __init__(self, catalogue: Catalogue, shown: int, observed: bool, writer: CorpusWriter) -> None:
        self.shown, self._latents = shown, catalogue.latents
        if observed:
            count = len(catalogue.latents)
            self._latents = writer.mapped(catalogue.latents.shape, np.float32)
            for start in range(0, count, ITEM_BLOCK):
                items = np.arange(start, min(start + ITEM_BLOCK, count))
                self._latents[items[0] : items[-1] + 1, :TEXT_DIM] = read_titles(catalogue, items)
                self._latents[items[0] : items[-1] + 1, TEXT_DIM:] = catalogue.seen[items]
        self._start, self._size = catalogue.leaf_start[:-1], np.diff(catalogue.leaf_start)
        self._by_axis = writer.mapped(self._latents.shape[::-1], np.int32)
        _sort_by_axis(catalogue.leaf_start, self._latents, self._by_axis, writer.mapped)

    def visual(self, items: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n, VISUAL_DIM) r_visual of product queries that search from ``items`` (n,)."""
        return self._latents[items, TEXT_DIM:]

    def search(
        self, leaf: Integers, reading: NDArray[np.float32], used: NDArray[np.int64], rng: Generator
    ) -> NDArray[np.int64]:
        """The results of n queries.

        Args:
            leaf: (n,) leaf of each query.
            reading: (n, TEXT_DIM + VISUAL_DIM) [r_text ; r_visual] of each query.
            used: (n, steps) items that the session has searched from so far, which are not shown again; -1 for none.
            rng: the engine's random stream.

        Returns:
            (n, shown) distinct items of the leaf, the best first.
        """
        rows, width = np.arange(len(leaf)), CANDIDATES * self.shown
        axis = np.argmax(np.abs(reading) * rng.random(reading.shape), axis=1)  # (n,)
        rank = np.rint(ndtr(reading[rows, axis].astype(np.float64)) * self._size[leaf]).astype(np.int64)  # on the axis
        start = self._start[leaf] + np.clip(rank - width // 2, 0, self._size[leaf] - width)
        items = self._by_axis[axis[:, None], start[:, None] + np.arange(width)]  # (n, width)

        relevance = np.matmul(self._latents[items], reading[:, :, None])[:, :, 0] / np.sqrt(TEXT_DIM)  # (n, width)
        score = relevance + ENGINE_NOISE * rng.standard_normal(relevance.shape)
        for item in used.T:  # the source of one earlier step at a time, (n,)
            score[items == item[:, None]] -= _LEFT_OUT
        best = np.argsort(-score, axis=1)[:, : self.shown]
        return np.take_along_axis(items, best, axis=1).astype(np.int64)


def read_words(meanings: NDArray[np.float32], words: NDArray[np.int32]) -> NDArray[np.float32]:
    """(n, TEXT_DIM) r_text of n queries.

    Args:
        meanings: (V, TEXT_DIM) meanings of the words.
        words: (n, longest) word rows of each query, -1 after its end.
    """
    total = np.where((words >= 0)[:, :, None], meanings[words], np.float32(0)).sum(axis=1, dtype=np.float64)
    return _to_length(total)


def read_titles(catalogue: Catalogue, items: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n, TEXT_DIM) r_text of the titles of ``items`` (n,)."""
    starts, ends = catalogue.word_offsets[items], catalogue.word_offsets[items + 1]
    index = starts[:, None] + np.arange((ends - starts).max(initial=1))  # (n, longest), past the end of short titles
    words = catalogue.words[np.minimum(index, len(catalogue.words) - 1)]
    return read_words(catalogue.language.meanings, np.where(index < ends[:, None], words, -1))


def _to_length(total: NDArray[np.float64]) -> NDArray[np.float32]:
    """Rows (n, TEXT_DIM) scaled to length sqrt(TEXT_DIM), on the grid; a row of zeros stays."""
    length = np.sqrt(np.square(total).sum(axis=1, keepdims=True))
    return on_grid(total * np.sqrt(TEXT_DIM) / np.maximum(length, 1e-9))


def _sort_by_axis(
    leaf_start: NDArray[np.int64], latents: NDArray[np.float32], by_axis: NDArray[np.int32], zeros: Zeros
) -> None:
    """Fills ``by_axis`` (axes, N): items by leaf and, within a leaf, along each axis of ``latents`` (N, axes).

    These lie on the grid: a place on it and an item's number are sorted as one number, in an array of ``zeros``.
    """
    ranked = zeros((int(np.diff(leaf_start).max()),), np.int64)
    for first, end in pairwise(leaf_start.tolist()):
        mine = ranked[: end - first]
        for axis in range(len(by_axis)):
            for piece in pieces(len(mine)):
                items = np.arange(first + piece.start, first + piece.stop)
                place = np.rint(latents[items[0] : items[-1] + 1, axis] * GRID).astype(np.int64)
                mine[piece] = (place << _NUMBER_BITS) + items
            mine.sort()
            for piece in pieces(len(mine)):
                by_axis[axis, first + piece.start : first + piece.stop] = mine[piece] & ((1 << _NUMBER_BITS) - 1)
