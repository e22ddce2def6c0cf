"""Words: their meanings and vectors, and how texts are drawn.

A leaf category's pool holds words of its own and some that all leaves and categories share. The meaning of a word is a
standard normal vector in the textual latent space. A word vector is a fixed linear map of (leaf centre, meaning) plus
noise; the map is the same for all corpora, as one word2vec model served the paper's three categories.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.random import Generator
from numpy.typing import NDArray

from bench.data.csr import Integers
from bench.datasets.simulated.randomness import gumbel, latent, stream

TEXT_DIM, VISUAL_DIM, CENTRE_DIM = 6, 6, 8
WORD_DIM = 50
SHARED_WORDS, LEAF_WORDS, LEAF_SHARED = 400, 120, 60
ZIPF = 0.8  # exponent of the words' frequencies
AGREEMENT = 2.0  # weight of a word's agreement with the text's latent, in the word's utility
WORD_NOISE = 0.2
_WORD_GRID = 4096


@dataclass(frozen=True)
class Language:
    """The vocabulary of V words and the pools of C leaves.

    Attributes:
        words: (V,) strings.
        meanings: (V, TEXT_DIM) float32.
        vectors: (V, WORD_DIM) float32 on a grid of 1/4096.
        pool: (C, LEAF_WORDS + LEAF_SHARED) word rows, the most frequent first.
    """

    words: pa.Array
    meanings: NDArray[np.float32]
    vectors: NDArray[np.float32]
    pool: NDArray[np.int32]

    def draw(
        self, leaf: Integers, latents: NDArray[np.float32], counts: NDArray[np.int64], rng: Generator
    ) -> NDArray[np.int32]:
        """Draws n texts of distinct words from their leaves' pools, by Plackett–Luce.

        The utility of word w for a latent a is AGREEMENT · <s_w, a> / sqrt(TEXT_DIM) - ZIPF · ln(rank in the pool).

        Args:
            leaf: (n,) leaf of each text.
            latents: (n, TEXT_DIM) latent a of each text.
            counts: (n,) words of each text, at least 1.
            rng: the random stream.

        Returns:
            (n, max(counts)) word rows in the order drawn, -1 after the end of a text.
        """
        if not len(leaf):
            return np.zeros((0, 1), dtype=np.int32)
        pool = self.pool.shape[1]
        agreement = np.matmul(self.meanings[self.pool][leaf], latents[:, :, None])[:, :, 0]  # (n, pool)
        utility = agreement * (AGREEMENT / np.sqrt(TEXT_DIM)) - ZIPF * np.log(np.arange(1, pool + 1))
        utility += gumbel(rng, utility.shape)
        longest = int(counts.max())
        best = np.argpartition(-utility, longest, axis=1)[:, :longest]
        order = np.argsort(-np.take_along_axis(utility, best, axis=1), axis=1)
        words = self.pool[leaf[:, None], np.take_along_axis(best, order, axis=1)]
        return np.where(np.arange(longest) < counts[:, None], words, -1).astype(np.int32)


def make_language(name: str, seed: int, centres: NDArray[np.float32]) -> Language:
    """The language of a category.

    Args:
        name: the category.
        seed: of the corpus.
        centres: (C, CENTRE_DIM) textual centres of the leaves.
    """
    leaves = len(centres)
    shared = latent(stream("shared words"), (SHARED_WORDS, TEXT_DIM))
    rng = stream("leaf words", seed=seed, category=name)
    meanings = np.concatenate([shared, latent(rng, (leaves * LEAF_WORDS, TEXT_DIM))])
    own = SHARED_WORDS + np.arange(leaves * LEAF_WORDS).reshape(leaves, LEAF_WORDS)
    borrowed = rng.permuted(np.tile(np.arange(SHARED_WORDS), (leaves, 1)), axis=1)[:, :LEAF_SHARED]
    pool = rng.permuted(np.concatenate([own, borrowed], axis=1), axis=1).astype(np.int32)

    centre = np.concatenate([np.zeros((SHARED_WORDS, CENTRE_DIM)), np.repeat(centres, LEAF_WORDS, axis=0)])
    exact = np.concatenate([centre, meanings], axis=1) @ _word_map().T  # (V, WORD_DIM)
    noisy = exact + WORD_NOISE * rng.standard_normal(exact.shape)
    vectors = (np.rint(noisy * _WORD_GRID) / _WORD_GRID).astype(np.float32)
    return Language(_names(name, leaves), meanings, vectors, pool)


def _word_map() -> NDArray[np.float64]:
    """(WORD_DIM, CENTRE_DIM + TEXT_DIM) map W, on a grid that keeps products with latents exact."""
    normal = stream("word map").standard_normal((WORD_DIM, CENTRE_DIM + TEXT_DIM))
    return np.rint(normal * 1024 * 0.085) / 1024


def _names(name: str, leaves: int) -> pa.Array:
    shared = [f"shared_w{word:03d}" for word in range(SHARED_WORDS)]
    own = [f"{leaf_name(name, leaf)}_w{word:03d}" for leaf in range(leaves) for word in range(LEAF_WORDS)]
    return pa.array(shared + own)


def leaf_name(name: str, leaf: int) -> str:
    """Name of a leaf category, such as ``beauty_leaf03``."""
    return f"{name}_leaf{leaf:02d}"
