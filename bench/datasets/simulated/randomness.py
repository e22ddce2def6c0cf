"""Random numbers that are the same on every machine.

Every use of randomness has a stream of its own, named by its purpose, category and block, so that turning one knob
never shifts the draws of another part. Latent vectors lie on a grid of 1/64 within ±4: a dot product of up to 32 such
numbers is then exact in float32, whatever order a BLAS library adds in, and so are all decisions based on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from numpy.typing import NDArray

from bench.data.published import PUBLISHED

MODEL_SEED = 2022
"""Seed of what all corpora share, whatever their own: word and image maps, shared words, domain centres."""

GRID, LIMIT = 64, 4.0

_PURPOSES = (
    "word map",
    "image map",
    "shared words",
    "domain",
    "leaves",
    "leaf words",
    "latents",
    "titles",
    "images",
    "quality",
    "users",
    "sample",
    "lengths",
    "kinds",
    "times",
    "click counts",
    "intents",
    "keyword lengths",
    "keywords",
    "engine",
    "clicks",
    "click times",
    "facets",
    "moves",
    "session facets",
    "depths",
    "spellings",
    "title spellings",
    "branches",
    "word forms",
    "form map",
    "background",
    "background map",
)
_CATEGORIES = sorted(PUBLISHED)


def stream(purpose: str, *, seed: int = MODEL_SEED, category: str | None = None, block: int = 0) -> Generator:
    """The random stream of a purpose.

    Args:
        purpose: one of ``_PURPOSES``.
        seed: of the corpus.
        category: whose it is; none for what all categories share.
        block: number of the block of rows that is drawn.
    """
    number = 0 if category is None else 1 + _CATEGORIES.index(category)
    return Generator(PCG64(SeedSequence(seed, spawn_key=(_PURPOSES.index(purpose), number, block))))


def on_grid(values: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Values (…) clipped to ±4 and rounded to multiples of 1/64."""
    rounded: NDArray[np.float32] = (np.rint(np.clip(values, -LIMIT, LIMIT) * GRID) / GRID).astype(np.float32)
    return rounded


def latent(rng: Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Standard normal numbers on the grid."""
    return on_grid(rng.standard_normal(shape))


def gumbel(rng: Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Standard Gumbel numbers: the n largest of utility + Gumbel are n draws of Plackett–Luce."""
    draws = rng.standard_exponential(shape)
    np.log(draws, out=draws)
    return np.negative(draws, out=draws)


def from_cdf(rng: Generator, cdf: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """(count,) draws of 0, 1, 2 … from the distribution with cumulative probabilities ``cdf``."""
    return np.minimum(np.searchsorted(cdf, rng.random(count), side="right"), len(cdf) - 1)
