"""Holm's correction for a family of tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Adjusted p-values of a family (Holm, 1979), in the order given; never smaller than the raw ones, at most 1.

    NaN counts as 1: what could not be tested is not significant, and makes nothing else more so.
    """
    raw = np.nan_to_num(np.asarray(p, dtype=np.float64), nan=1.0)
    order = np.argsort(raw, kind="stable")
    steps = raw[order] * np.arange(len(raw), 0, -1)
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
