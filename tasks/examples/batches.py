"""The batches of an epoch: training examples in a new order, drawn one by one or session by session."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.csr import Integers, expand_ranges
from tasks.options import DrawnBy


def epoch_batches(sessions: Integers, size: int, drawn: DrawnBy, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Places among the examples, every one in one batch.

    Args:
        sessions: (n,) session of each example, ascending.
        size: examples of a batch. Batches of whole sessions have as many on average: each begins with the first
            session that begins beyond a multiple of ``size``, so that none is cut in two.
        drawn: what is drawn: ``queries``, or ``sessions`` with all their examples, in order.
        rng: draws.
    """
    if drawn == "queries":
        shuffled = rng.permutation(len(sessions))
        return np.split(shuffled, range(size, len(shuffled), size))
    _, first, counts = np.unique(sessions, return_index=True, return_counts=True)
    order = rng.permutation(len(first))
    begins = np.cumsum(counts[order]) - counts[order]  # where each session begins in the epoch
    places, _ = expand_ranges(first[order], first[order] + counts[order])
    new = np.flatnonzero(np.diff(begins // size)) + 1  # sessions that begin a batch, other than the first
    return np.split(places, begins[new])
