"""The distinct texts of queries: what the click graph has for nodes, and what is encoded once per batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.csr import Integers, offsets_of, take_rows

_SCALE = 2048.0  # products of unit vectors then sum to whole numbers below 2^24, exact in float32 in any order


@dataclass(frozen=True)
class QueryTexts:
    """T distinct word sequences, in the order of their keys.

    A key depends on the words alone, so the order of two texts never depends on which others there are.

    Attributes:
        keys: (T,) uint64, ascending.
        offsets: (T + 1,) into words.
        words: (W,) row of each word in the vocabulary.
    """

    keys: NDArray[np.uint64]
    offsets: NDArray[np.int64]
    words: NDArray[np.int64]

    @classmethod
    def of(
        cls, offsets: Integers, words: Integers, rows: Integers, longest: int
    ) -> tuple[QueryTexts, NDArray[np.int64]]:
        """The texts of some queries, cut after ``longest`` words.

        Args:
            offsets: (Q + 1,) CSR offsets of all queries into ``words``.
            words: the words of all queries.
            rows: (n,) the queries that are asked for.
            longest: words kept of a query.

        Returns:
            the texts, and (n,) the text of each query.
        """
        found, owner = take_rows(offsets, words, rows)
        lengths = offsets[rows + 1] - offsets[rows]
        place = np.arange(len(found)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        found, owner, place = found[place < longest], owner[place < longest], place[place < longest]
        mixed = mix(found.astype(np.uint64) * np.uint64(1_000_003) + place.astype(np.uint64) + np.uint64(1))
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)])  # wraps around, as wanted
        ends = offsets_of(np.minimum(lengths, longest))
        keys, first, text = np.unique(sums[ends[1:]] - sums[ends[:-1]], return_index=True, return_inverse=True)
        kept, kept_owner = take_rows(ends, found, first)
        text_offsets = offsets_of(np.bincount(kept_owner, minlength=len(keys)))
        return cls(keys, text_offsets, kept.astype(np.int64)), text.reshape(-1).astype(np.int64)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(T,) number of words."""
        return np.diff(self.offsets)

    def directions(self, word_vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(T, dims.words) mean word vectors scaled to length 2048 and rounded to whole numbers; zero without words.

        Their inner products are exact, so the same two texts are equally similar in any corpus and any chunk.
        """
        unit = np.empty((len(self), word_vectors.shape[1]), dtype=np.float32)
        for start in range(0, len(self), 65_536):
            rows = np.arange(start, min(start + 65_536, len(self)))
            words, _ = take_rows(self.offsets, self.words, rows)
            sums = np.zeros((len(rows), word_vectors.shape[1]))
            occupied = np.flatnonzero(self.lengths[rows])
            if len(occupied):
                starts = (self.offsets[rows] - self.offsets[start])[occupied]
                sums[occupied] = np.add.reduceat(word_vectors[words].astype(np.float64), starts, axis=0)
            length = np.linalg.norm(sums, axis=1, keepdims=True)
            unit[rows] = np.rint(sums * (_SCALE / np.where(length > 0, length, 1.0)))
        return unit


def similarity(products: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosines from inner products of :meth:`QueryTexts.directions`."""
    return products / np.float32(_SCALE * _SCALE)


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scrambles 64-bit numbers (the finaliser of SplitMix64: Steele et al., OOPSLA 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
