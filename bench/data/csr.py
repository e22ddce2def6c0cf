"""Ragged rows as flat values with offsets (CSR), and the vectorised operations on them."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.integer[Any]]
"""Integers of any width, such as rows and offsets."""

Scalar = TypeVar("Scalar", bound=np.generic)


def offsets_of(lengths: NDArray[np.integer[Any] | np.bool_]) -> NDArray[np.int64]:
    """Offsets (n + 1,) of rows with the given lengths (n,)."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def expand_ranges(starts: Integers, ends: Integers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All integers of the half-open ranges ``[starts[i], ends[i])``, one range after the other.

    Returns:
        ``(values, owner)``, both (total,): the integers, and the range ``i`` that each belongs to.
    """
    lengths = np.asarray(ends, dtype=np.int64) - np.asarray(starts, dtype=np.int64)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    run = offsets_of(lengths)[:-1]  # where each range begins in the result
    values = np.arange(len(owner)) + np.repeat(np.asarray(starts) - run, lengths)
    return values, owner


def take_rows(offsets: Integers, values: NDArray[Scalar], rows: Integers) -> tuple[NDArray[Scalar], NDArray[np.int64]]:
    """Values of the CSR rows ``rows``, in that order, and for each value its row's position in ``rows``."""
    index, owner = expand_ranges(offsets[rows], offsets[np.asarray(rows) + 1])
    return values[index], owner
