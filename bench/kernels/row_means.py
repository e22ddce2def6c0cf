"""Means of rows of a matrix, in one compiled pass: what the text of a query or a title is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.kernels.compiled import FAST, compiled

Integers = NDArray[np.int64]


@compiled(fastmath=FAST, error_model="numpy")
def write_means(vectors: NDArray[np.float32], rows: Integers, owner: Integers, out: NDArray[np.float32]) -> None:
    """Writes the mean (n, d) of the vectors of each owner's rows, zero for one without.

    Args:
        vectors: (V, d).
        rows: (W,) of vectors.
        owner: (W,) of each row, 0 … n - 1, ascending.
        out: (n, d) where to write.
    """
    place = 0
    for number in range(len(out)):
        total, first = out[number], place
        total[:] = np.float32(0)
        while place < len(rows) and owner[place] == number:
            if not 0 <= rows[place] < len(vectors):
                raise IndexError("a mean is asked of a row that the matrix does not have")
            vector = vectors[rows[place]]
            for column in range(len(total)):
                total[column] += vector[column]
            place += 1
        if place > first + 1:
            count = np.float32(place - first)
            for column in range(len(total)):
                total[column] /= count
    if place < len(rows):
        raise IndexError("a row belongs to an owner that is not there, or owners are not in ascending order")
