"""Sampled candidate lists, for a dataset that records no impressions: the clicked product among others of its pool."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.csr import Integers
from bench.errors import BenchError


def draw_others(size: int, excluded: Integers, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """For each row, ``count`` distinct integers from 0 … size - 1 without the excluded one, every set equally likely.

    Floyd's sampling without replacement (Bentley & Floyd, Communications of the ACM 30(9), 1987), on all rows at once.

    Args:
        size: number of integers in the pool.
        excluded: (n,) the integer that each row must not get.
        count: integers per row, at most ``size - 1``.
        rng: the random stream.

    Returns:
        (n, count), in no meaningful order.
    """
    drawn = np.full((len(excluded), count), -1, dtype=np.int64)
    allowed = size - 1
    for column in range(count):
        last = allowed - count + column
        value = rng.integers(0, last + 1, len(excluded))  # (n,)
        repeated = (drawn[:, :column] == value[:, None]).any(axis=1)  # (n,)
        drawn[:, column] = np.where(repeated, last, value)
    return drawn + (drawn >= excluded[:, None])  # (n, count), over the gap that the excluded integer leaves


def candidate_lists(
    pool: NDArray[np.int64], clicked: NDArray[np.int64], length: int, rng: np.random.Generator, pool_name: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Candidate lists of distinct items of a pool in random order, each with its clicked item.

    Args:
        pool: (m,) items to sample from, ascending.
        clicked: (n,) the clicked item of each list, an item of the pool.
        length: items per list.
        rng: the random stream.
        pool_name: the file of the pool, for the error.

    Returns:
        ``(items, column)``: (n, length) items by rank, and (n,) the column of the clicked item, from 0. Every column
        is equally likely, whatever the item.

    Raises:
        BenchError: ``length`` is below 2 or above the size of the pool.
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
