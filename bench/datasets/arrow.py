"""Arrow columns as NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray


def matrix_of(vectors: pa.ListArray, dtype: DTypeLike) -> NDArray[Any]:
    """(n, d) matrix of n lists of d numbers each, without a copy where the type is the same."""
    return np.asarray(vectors.flatten()).astype(dtype, copy=False).reshape(len(vectors), -1)
