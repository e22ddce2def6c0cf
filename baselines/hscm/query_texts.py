"""The distinct texts of queries, which are the nodes of the click graph and are encoded once per batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.csr import Integers, offsets_of, take_rows

_SCALE = 2048.0  # products of unit vectors then sum to whole numbers below 2^24, exact in float32 in any order


@dataclass(frozen=True)
class QueryTexts:
    """T distinct word sequences, in the order of their keys.

    A key is a hash of the words alone, so the order of two texts never depends on which others there are.

    Attributes:
        keys: (T,) uint64, ascending.
        offsets: (T + 1,) CSR offsets of the texts into ``words``.
        words: (W,) vocabulary rows.
    """

    keys: NDArray[np.uint64]
    offsets: NDArray[np.int64]
    words: NDArray[np.int64]

    @classmethod
    def of(
        cls, offsets: Integers, words: Integers, rows: Integers, longest: int
    ) -> tuple[QueryTexts, NDArray[np.int64]]:
        """The distinct texts of queries, cut after ``longest`` words.

        Args:
            offsets: (Q + 1,) CSR offsets of all queries into ``words``.
            words: (W,) vocabulary rows of all queries' words.
            rows: (n,) the queries whose texts these are.
            longest: words kept of a query.

        Returns:
            the texts, and (n,) the text of each query.
        """
        query_words, _ = take_rows(offsets, words, rows)
        lengths = offsets[rows + 1] - offsets[rows]
        position = np.arange(len(query_words)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        query_words, position = query_words[position < longest], position[position < longest]
        hashes = mix(query_words.astype(np.uint64) * np.uint64(1_000_003) + position.astype(np.uint64) + np.uint64(1))
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(hashes, dtype=np.uint64)])  # modulo 2^64
        cut_offsets = offsets_of(np.minimum(lengths, longest))
        query_keys = sums[cut_offsets[1:]] - sums[cut_offsets[:-1]]  # (n,)
        keys, example, text = np.unique(query_keys, return_index=True, return_inverse=True)
        text_words, owner = take_rows(cut_offsets, query_words, example)
        text_offsets = offsets_of(np.bincount(owner, minlength=len(keys)))
        return cls(keys, text_offsets, text_words.astype(np.int64)), text.reshape(-1).astype(np.int64)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(T,) numbers of words."""
        return np.diff(self.offsets)

    def directions(self, word_vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(T, dims.words) mean word vectors scaled to length 2048 and rounded to whole numbers; zero without words.

        Their inner products are exact, so the cosine of two texts is the same in any corpus and any chunk.

        Args:
            word_vectors: (V, dims.words).
        """
        scaled = np.empty((len(self), word_vectors.shape[1]), dtype=np.float32)
        for start in range(0, len(self), 65_536):
            rows = np.arange(start, min(start + 65_536, len(self)))
            words, _ = take_rows(self.offsets, self.words, rows)
            sums = np.zeros((len(rows), word_vectors.shape[1]))
            with_words = np.flatnonzero(self.lengths[rows])
            if len(with_words):
                starts = (self.offsets[rows] - self.offsets[start])[with_words]
                sums[with_words] = np.add.reduceat(word_vectors[words].astype(np.float64), starts, axis=0)
            length = np.linalg.norm(sums, axis=1, keepdims=True)
            scaled[rows] = np.rint(sums * (_SCALE / np.where(length > 0, length, 1.0)))
        return scaled


def similarity(products: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosines (…) from inner products (…) of :meth:`QueryTexts.directions`."""
    return products / np.float32(_SCALE * _SCALE)


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hashes of 64-bit numbers (…), by the finaliser of SplitMix64 (Steele et al., OOPSLA 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
