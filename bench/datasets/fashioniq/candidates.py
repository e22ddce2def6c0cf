"""Candidate lists for a dataset that has none: the product that came next among others of its category."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.csr import Integers
from bench.errors import BenchError


def draw_others(size: int, excluded: Integers, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """For each row, ``count`` different integers of 0 … size - 1 but one, every set equally likely.

    Floyd's sampling without replacement (Bentley & Floyd, Communications of the ACM 30(9), 1987), on all rows at once.

    Args:
        size: of the pool.
        excluded: (n,) the integer that each row must not get.
        count: at most ``size - 1``.
        rng: where the chance comes from.

    Returns:
        (n, count), in no meaningful order.
    """
    drawn = np.full((len(excluded), count), -1, dtype=np.int64)
    others = size - 1
    for place in range(count):
        last = others - count + place
        value = rng.integers(0, last + 1, len(excluded))
        seen = (drawn[:, :place] == value[:, None]).any(axis=1)
        drawn[:, place] = np.where(seen, last, value)
    return drawn + (drawn >= excluded[:, None])


def candidate_lists(
    pool: NDArray[np.int64], clicked: NDArray[np.int64], length: int, rng: np.random.Generator, pool_name: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lists of ``length`` different items of the pool in random order, the clicked one among them.

    Args:
        pool: (m,) items to draw from, ascending.
        clicked: (n,) the item of each list that must be there, all from the pool.
        length: of each list.
        rng: where the chance comes from.
        pool_name: for the error.

    Returns:
        ``(items, place)``: (n, length) items by rank, and (n,) the place of the clicked one, from 0. Every place is
        equally likely, whatever the item.

    Raises:
        BenchError: the pool is too small, or a list shorter than two is wanted.
    """
    if not 2 <= length <= len(pool):
        raise BenchError(
            f"{length} candidates are wanted of {len(pool)} products",
            where=pool_name,
            fix=f"set candidates to a number from 2 to {len(pool)}",
        )
    others = draw_others(len(pool), np.searchsorted(pool, clicked), length - 1, rng)
    items = np.column_stack([clicked, pool[others]])
    order = np.argsort(rng.random((len(clicked), length)), axis=1)
    return np.take_along_axis(items, order, axis=1), (order == 0).argmax(axis=1)
