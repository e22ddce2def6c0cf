"""Rows in random order, which need not be in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike, NDArray

Zeros = Callable[[tuple[int, ...], DTypeLike], NDArray[Any]]
"""Makes an array of zeros of a shape and a type: ``numpy.zeros``, or one that lies on disk."""

_PIECE = 1_048_576  # numbers that are in memory together


def shuffled_rows(rng: Generator, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Fills ``rows`` (n,) with what ``rng.permutation(n)`` draws, and returns it: an array that lies on disk stays
    there."""
    count_up(rows)
    rng.shuffle(rows)
    return rows


def count_up(rows: NDArray[np.int64]) -> None:
    """Fills ``rows`` with 0, 1, 2 …"""
    for start in range(0, len(rows), _PIECE):
        rows[start : start + _PIECE] = np.arange(start, min(start + _PIECE, len(rows)))
