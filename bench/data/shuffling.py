"""Rows in random order, which need not be in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike, NDArray

from bench.data.mapped import pieces

Zeros = Callable[[tuple[int, ...], DTypeLike], NDArray[Any]]
"""Makes an array of zeros of a shape and a type: ``numpy.zeros``, or one that lies on disk."""


def shuffled_rows(rng: Generator, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Fills ``rows`` (n,) with what ``rng.permutation(n)`` draws, and returns it: an array that lies on disk stays
    there."""
    count_up(rows)
    rng.shuffle(rows)
    return rows


def count_up(rows: NDArray[np.int64]) -> None:
    """Fills ``rows`` with 0, 1, 2 …"""
    for piece in pieces(len(rows)):
        rows[piece] = np.arange(piece.start, piece.stop)
