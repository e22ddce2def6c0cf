"""Words: their meanings and vectors, and how texts are drawn.

A leaf category's pool holds meanings of its own, some that the leaves of its branch share, and some that all leaves and
categories share. A meaning is a standard normal vector in the textual latent space, with one word for it. A word vector
is a fixed linear map of (leaf centre, meaning) plus noise; the map is the same for all corpora, as one word2vec model
served the paper's three categories.

With a vocabulary gap every meaning has three words: a common one, one that sellers prefer and one that shoppers prefer.
With SPELLING's shares a seller and a shopper who mean the same use the same word in 18 of 100 cases, where Furnas et
al. (CACM 1987) found fewer than 20. The meaning's part of the vector of a seller's or a shopper's word is

    sqrt(1 - gap) W s_v + sqrt(gap) W_f s_v

with a map W_f of its own for each of the two registers: they say the same in other directions, as languages do, whose
vectors a linear map takes into each other (Mikolov, Le & Sutskever, Exploiting Similarities among Languages for Machine
Translation, 2013). What a shopper's word means must then be learnt, and sessions reveal it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.random import Generator
from numpy.typing import NDArray

from bench.data.csr import Integers
from bench.datasets.simulated.randomness import gumbel, latent, on_grid, stream
from bench.datasets.simulated.worlds import Knobs

TEXT_DIM, VISUAL_DIM, CENTRE_DIM = 6, 6, 8
WORD_DIM = 50
SHARED_WORDS, LEAF_WORDS, LEAF_SHARED = 400, 120, 60
ZIPF = 0.8  # exponent of the words' frequencies
AGREEMENT = 2.0  # weight of a word's agreement with the text's latent, in the word's utility
WORD_NOISE = 0.2
BRANCH_LEAVES = 4
COMMON, SELLER, SHOPPER = range(3)
SPELLING = np.array([[1.0, 0.0, 0.0], [0.2, 0.7, 0.1], [0.2, 0.1, 0.7]])
"""Probability of the common, the seller's and the shopper's word of a meaning, by who writes."""
_WORD_GRID = 4096


@dataclass(frozen=True)
class Language:
    """The vocabulary of V words and the pools of C leaves.

    The first words are the common ones of the M meanings, in order; with a gap the sellers' and then the shoppers'
    words follow, M each.

    Attributes:
        words: (V,) strings.
        meanings: (V, TEXT_DIM) float32, of each word.
        vectors: (V, WORD_DIM) float32 on a grid of 1/4096.
        pool: (C, LEAF_WORDS + LEAF_SHARED) meanings of each leaf, the most frequent first.
        forms: words of a meaning: V = forms · M.
    """

    words: pa.Array
    meanings: NDArray[np.float32]
    vectors: NDArray[np.float32]
    pool: NDArray[np.int32]
    forms: int = 1

    def spell(self, meanings: NDArray[np.int32], writer: int, rng: Generator) -> NDArray[np.int32]:
        """Words for meanings (…), -1 staying -1, as ``writer``, COMMON, SELLER or SHOPPER, would choose them."""
        if self.forms == 1:
            return meanings
        form = np.searchsorted(SPELLING[writer].cumsum()[:-1], rng.random(meanings.shape), side="right")
        words = meanings + form * (len(self.words) // self.forms)
        return np.where(meanings >= 0, words, -1).astype(np.int32)

    def draw(
        self,
        leaf: Integers,
        latents: NDArray[np.float32],
        counts: NDArray[np.int64],
        rng: Generator,
        precision: NDArray[np.float64] | None = None,
    ) -> NDArray[np.int32]:
        """Draws n texts of distinct meanings from their leaves' pools, by Plackett–Luce.

        The utility of meaning v for a latent a is precision · AGREEMENT · <s_v, a> / sqrt(TEXT_DIM) - ZIPF · ln(rank in
        the pool).

        Args:
            leaf: (n,) leaf of each text.
            latents: (n, TEXT_DIM) latent a of each text.
            counts: (n,) words of each text, at least 1.
            rng: the random stream.
            precision: (n,) weight of the latent in each text; 1 by default.

        Returns:
            (n, max(counts)) meanings in the order drawn, -1 after the end of a text.
        """
        if not len(leaf):
            return np.zeros((0, 1), dtype=np.int32)
        pool = self.pool.shape[1]
        agreement = np.matmul(self.meanings[self.pool][leaf], latents[:, :, None])[:, :, 0]  # (n, pool)
        agreement = agreement * (AGREEMENT / np.sqrt(TEXT_DIM))
        if precision is not None:
            agreement = agreement * precision[:, None]
        utility = agreement - ZIPF * np.log(np.arange(1, pool + 1))
        utility += gumbel(rng, utility.shape)
        longest = int(counts.max())
        best = np.argpartition(-utility, longest, axis=1)[:, :longest]
        order = np.argsort(-np.take_along_axis(utility, best, axis=1), axis=1)
        words = self.pool[leaf[:, None], np.take_along_axis(best, order, axis=1)]
        return np.where(np.arange(longest) < counts[:, None], words, -1).astype(np.int32)


def make_language(
    name: str, seed: int, centres: NDArray[np.float32], branch_centres: NDArray[np.float32], knobs: Knobs
) -> Language:
    """The language of a category.

    Args:
        name: the category.
        seed: of the corpus.
        centres: (C, CENTRE_DIM) textual centres of the leaves.
        branch_centres: (branches, CENTRE_DIM) those of the branches.
        knobs: of the world.
    """
    leaves, branches = len(centres), len(branch_centres)
    common = round(knobs.branches * LEAF_WORDS)  # words that a leaf has from its branch
    alone = LEAF_WORDS - common
    shared = latent(stream("shared words"), (SHARED_WORDS, TEXT_DIM))
    rng = stream("leaf words", seed=seed, category=name)
    meanings = np.concatenate([shared, latent(rng, (leaves * alone, TEXT_DIM))])
    own = SHARED_WORDS + np.arange(leaves * alone).reshape(leaves, alone)
    borrowed = rng.permuted(np.tile(np.arange(SHARED_WORDS), (leaves, 1)), axis=1)[:, :LEAF_SHARED]
    centre = np.concatenate([np.zeros((SHARED_WORDS, CENTRE_DIM)), np.repeat(centres, alone, axis=0)])
    names = [leaf_name(name, leaf) for leaf in range(leaves)]
    names = [f"shared_w{word:03d}" for word in range(SHARED_WORDS)] + [
        f"{n}_w{w:03d}" for n in names for w in range(alone)
    ]
    if common:
        of_branch = len(meanings) + np.arange(branches * common).reshape(branches, common)
        own = np.concatenate([own, of_branch[branch_of(np.arange(leaves), branches)]], axis=1)
        branch_rng = stream("branches", seed=seed, category=name, block=1)
        meanings = np.concatenate([meanings, latent(branch_rng, (branches * common, TEXT_DIM))])
        centre = np.concatenate([centre, np.repeat(branch_centres, common, axis=0)])
        names += [f"{name}_branch{b:02d}_w{w:03d}" for b in range(branches) for w in range(common)]
    pool = rng.permuted(np.concatenate([own, borrowed], axis=1), axis=1).astype(np.int32)

    exact = np.concatenate([centre, meanings], axis=1) @ _word_map().T  # (M, WORD_DIM)
    vectors = _on_word_grid(exact + WORD_NOISE * rng.standard_normal(exact.shape))
    if not knobs.gap:
        return Language(pa.array(names), meanings, vectors, pool)
    rng, forms = stream("word forms", seed=seed, category=name), [vectors]
    kept = np.concatenate([centre, on_grid(np.sqrt(1 - knobs.gap) * meanings)], axis=1) @ _word_map().T
    moved = on_grid(np.sqrt(knobs.gap) * meanings).astype(np.float64)
    for form in (SELLER, SHOPPER):
        exact = kept + moved @ _form_map(form).T
        forms.append(_on_word_grid(exact + WORD_NOISE * rng.standard_normal(exact.shape)))
    spelt = names + [f"{n}_seller" for n in names] + [f"{n}_shopper" for n in names]
    return Language(pa.array(spelt), np.tile(meanings, (3, 1)), np.concatenate(forms), pool, forms=3)


def branch_of(leaf: Integers, branches: int) -> Integers:
    """The branch of each of the leaves ``leaf`` (n,); large and small leaves are dealt out evenly."""
    return np.asarray(leaf) % branches


def _on_word_grid(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    return (np.rint(vectors * _WORD_GRID) / _WORD_GRID).astype(np.float32)


def _word_map() -> NDArray[np.float64]:
    """(WORD_DIM, CENTRE_DIM + TEXT_DIM) map W, on a grid that keeps products with latents exact."""
    normal = stream("word map").standard_normal((WORD_DIM, CENTRE_DIM + TEXT_DIM))
    return np.rint(normal * 1024 * 0.085) / 1024


def _form_map(form: int) -> NDArray[np.float64]:
    """(WORD_DIM, TEXT_DIM) map W_f of the meanings in the words of sellers or shoppers, on the grid of the word map."""
    normal = stream("form map", block=form).standard_normal((WORD_DIM, TEXT_DIM))
    return np.rint(normal * 1024 * 0.085) / 1024


def leaf_name(name: str, leaf: int) -> str:
    """Name of a leaf category, such as ``beauty_leaf03``."""
    return f"{name}_leaf{leaf:02d}"
