"""ELU with dropout, and their slopes, written over what comes in. ``elu32`` itself is in :mod:`.exponential`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.kernels.compiled import FAST, compiled
from bench.kernels.exponential import exp32

_ZERO, _ONE = np.float32(0), np.float32(1)
_OPTIONS: Any = {"fastmath": FAST, "error_model": "numpy"}


@compiled(**_OPTIONS)
def dropped_elu32(values: NDArray, kept: NDArray[np.bool_], scale: float) -> None:
    """Replaces float32 values (n, d) by ``scale`` times their ELU where they are kept, by 0 elsewhere."""
    factor, values, kept = np.float32(scale), values.reshape(-1), kept.reshape(-1)
    for n in range(len(values)):
        value = values[n]
        found = value if value > _ZERO else exp32(min(value, _ZERO)) - _ONE
        values[n] = found * (factor if kept[n] else _ZERO)  # a product: NaN stays NaN


@compiled(**_OPTIONS)
def elu_slopes32(values: NDArray, slopes: NDArray) -> None:
    """Multiplies (n, d) slopes of ELUs by the slope of the ELU, which follows from its value."""
    values, slopes = values.reshape(-1), slopes.reshape(-1)
    for n in range(len(values)):
        slopes[n] *= _ONE if values[n] > _ZERO else values[n] + _ONE


@compiled(**_OPTIONS)
def dropped_elu_slopes32(values: NDArray, kept: NDArray[np.bool_], scale: float, slopes: NDArray) -> None:
    """As :func:`elu_slopes32`, of values that :func:`dropped_elu32` wrote, of which it kept these."""
    factor, values, kept, slopes = np.float32(scale), values.reshape(-1), kept.reshape(-1), slopes.reshape(-1)
    for n in range(len(values)):
        slope = factor if values[n] > _ZERO else values[n] + factor
        slopes[n] *= slope if kept[n] else _ZERO
