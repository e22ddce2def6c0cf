"""Pairs of a query and a node, an item or a click, as parallel arrays sorted by query; operations on all at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.csr import Integers


def rank_within(sorted_groups: Integers) -> NDArray[np.int64]:
    """(n,) rank, from 0, of each entry within its group; equal groups (n,) are adjacent and not negative."""
    starts = np.flatnonzero(np.diff(sorted_groups, prepend=-1))
    lengths = np.diff(np.append(starts, len(sorted_groups)))
    return np.arange(len(sorted_groups)) - np.repeat(starts, lengths)


def unique_pairs(left: Integers, right: Integers, bound: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct pairs of two arrays (n,), ascending; ``right`` is below ``bound``."""
    codes = np.unique(left * np.int64(bound) + right)
    return codes // bound, codes % bound
