"""Rows of a matrix of small integers as floats, gathered and converted in one compiled pass.

torch gathers int8 number by number and converts in a second pass: sixteen times slower, and most of what a batch of a
light click model took.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.kernels.compiled import compiled


@compiled()
def gather_scaled(
    matrix: NDArray[np.int8], rows: NDArray[np.int64], scale: np.float32, out: NDArray[np.float32]
) -> int:
    """Writes ``scale * matrix[rows]`` into ``out`` (n, d), float32; a row of -1 becomes zero.

    Args:
        matrix: (I, d).
        rows: (n,) -1 … I - 1.
        scale: what every number is multiplied by.
        out: where to write.

    Returns:
        how many of the rows are there; the first that is not ends it.
    """
    for place in range(len(rows)):
        row = rows[place]
        if not -1 <= row < len(matrix):
            return place
        if row < 0:
            out[place, :] = np.float32(0)
        else:
            for column in range(out.shape[1]):
                out[place, column] = np.float32(matrix[row, column]) * scale
    return len(rows)
