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
from bench.data.shuffling import Zeros, count_up

MODEL_SEED = 2022
"""Seed of what all corpora share, whatever their own: word and image maps, shared words, domain centres."""

GRID, LIMIT = 64, 4.0
_SWAPS = 1_024  # swaps that are looked at together
_LISTED, _FEW = 10_000, 20  # of larger populations numpy lists all where it draws more than one of so many

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


def chosen_without(rng: Generator, population: int, size: int, zeros: Zeros) -> NDArray[np.int64]:
    """(size,) different numbers from 0 to below ``population``: those that ``rng.choice`` draws without replacement and
    without shuffling.

    To draw a few, numpy keeps those that it has drawn. To draw many, it swaps numbers at the end of a list of the whole
    population with numbers before them, one after the other: here that list is ``zeros``'s, on disk, and swaps that
    have nothing to do with each other are made together.

    Args:
        rng: the stream.
        population, size: of which some are drawn, and how many.
        zeros: makes an array on disk, of a shape and a type.
    """
    if population <= _LISTED or size <= population // _FEW:
        few: NDArray[np.int64] = rng.choice(population, size, replace=False, shuffle=False)
        return few
    numbers, end, first = zeros((population,), np.int64), population, max(population - size, 1)
    count_up(numbers)
    while end > first:
        start = max(end - _SWAPS, first)
        here = np.arange(end - 1, start - 1, -1)
        there = rng.integers(0, here, endpoint=True)
        while len(here):
            free = _independent(here, there)
            one, other = here[:free], there[:free]
            numbers[other], numbers[one] = numbers[one], numbers[other]
            here, there = here[free:], there[free:]
        end = start
    return numbers[population - size :]


def _independent(here: NDArray[np.int64], there: NDArray[np.int64]) -> int:
    """How many of the first swaps of ``here`` with ``there``, both (n,), touch no place that one before them touches.

    Places ``here`` descend, and those ``there`` are not beyond them: what was touched before was some swap's ``there``.
    """
    places, first = np.unique(there, return_index=True)
    known = np.searchsorted(places, here).clip(max=len(places) - 1)
    order = np.arange(len(here))
    touched = first[np.searchsorted(places, there)] < order
    touched |= (places[known] == here) & (first[known] < order)
    return int(touched.argmax()) if touched.any() else len(here)


def from_cdf(rng: Generator, cdf: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """(count,) draws of 0, 1, 2 … from the distribution with cumulative probabilities ``cdf``."""
    return np.minimum(np.searchsorted(cdf, rng.random(count), side="right"), len(cdf) - 1)
