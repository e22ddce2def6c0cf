"""The exponential function in compiled loops, and ELU by it: torch takes an exact but slow expm1."""

from __future__ import annotations

import numba
import numpy as np
from numba.extending import overload
from numpy.typing import NDArray

from bench.kernels.compiled import FAST, compiled

LOG2_E = np.float32(1.4426950408889634)
LEAST = np.float32(-126.0)  # 2 ** -126 is the least normal number
# minimax polynomial of 2 ** x on [0, 1), highest power first
POWERS = tuple(
    np.float32(c) for c in (1.8775767e-3, 8.9893397e-3, 5.5826318e-2, 2.4015361e-1, 6.9315308e-1, 9.9999994e-1)
)
EXPONENT = np.int32(23)  # bits of a float32's mantissa
BIAS = np.int32(127)
_ZERO, _ONE = np.float32(0), np.float32(1)


@compiled(fastmath=FAST)
def exp32(value: np.float32) -> np.float32:
    """``exp(x) = 2 ** n 2 ** f`` with n whole and f in [0, 1): n goes into the exponent's bits, f into a polynomial.

    For a float32 that is not positive; off by less than 2e-7.
    """
    c5, c4, c3, c2, c1, c0 = POWERS
    power = max(value * LOG2_E, LEAST)
    whole = np.floor(power)
    part = power - whole
    mantissa = ((((c5 * part + c4) * part + c3) * part + c2) * part + c1) * part + c0
    found: np.float32 = mantissa * np.int32((np.int32(whole) + BIAS) << EXPONENT).view(np.float32)
    return found


@compiled(fastmath=FAST)
def elu32(values: NDArray) -> None:
    """Replaces float32 values (n, d) by their ELU."""
    values = values.reshape(-1)
    for n in range(len(values)):
        value = values[n]
        values[n] = value if value > _ZERO else exp32(min(value, _ZERO)) - _ONE


def exp_of(value):  # type: ignore[no-untyped-def]  # numba wants the same signature as of what it compiles
    """Inside compiled loops: ``exp(x)`` of a number that is not positive, by :func:`exp32` for float32."""
    return np.exp(value)


@overload(exp_of)
def _exp_of(value):  # type: ignore[no-untyped-def]
    if value == numba.float32:
        return lambda value: exp32(value)
    return lambda value: np.exp(value)
