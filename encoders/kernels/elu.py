"""ELU, on CPUs as one compiled pass: torch computes it by an exact but slow expm1, and they add up here."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
import torch.nn.functional as F
from numba.extending import overload
from numpy.typing import NDArray
from torch import Tensor

LOG2_E = np.float32(1.4426950408889634)
LEAST = np.float32(-126.0)  # 2 ** -126 is the least normal number
# minimax polynomial of 2 ** x on [0, 1), highest power first
POWERS = tuple(
    np.float32(c) for c in (1.8775767e-3, 8.9893397e-3, 5.5826318e-2, 2.4015361e-1, 6.9315308e-1, 9.9999994e-1)
)
EXPONENT = np.int32(23)  # bits of a float32's mantissa
BIAS = np.int32(127)
_ZERO, _ONE = np.float32(0), np.float32(1)


def elu(values: Tensor) -> Tensor:
    """``x`` where it is positive, ``exp(x) - 1`` elsewhere; off by less than 2e-7 for float32 on a CPU."""
    if values.device.type == "cpu" and values.dtype == torch.float32:
        return _Elu.apply(values)
    return F.elu(values)


class _Elu(torch.autograd.Function):
    """The slope follows from the result, so nothing else is kept."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        out = values.detach().clone(memory_format=torch.contiguous_format)
        _elu32(out.view(-1).numpy())
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (out,) = ctx.saved_tensors
        return torch.ops.aten.elu_backward(grads[0], 1.0, 1.0, 1.0, True, out)


@numba.njit(cache=True, nogil=True, fastmath={"contract", "nsz"})
def exp32(value: np.float32) -> np.float32:
    """``exp(x) = 2 ** n 2 ** f`` with n whole and f in [0, 1): n goes into the exponent's bits, f into a polynomial.

    For a float32 that is not positive; off by less than 2e-7.
    """
    c5, c4, c3, c2, c1, c0 = POWERS
    power = max(value * LOG2_E, LEAST)
    whole = np.floor(power)
    part = power - whole
    mantissa = ((((c5 * part + c4) * part + c3) * part + c2) * part + c1) * part + c0
    return mantissa * np.int32((np.int32(whole) + BIAS) << EXPONENT).view(np.float32)


@numba.njit(cache=True, nogil=True, fastmath={"contract", "nsz"})
def _elu32(values: NDArray) -> None:
    for at in range(len(values)):
        value = values[at]
        values[at] = value if value > _ZERO else exp32(min(value, _ZERO)) - _ONE


def exp_of(value):  # type: ignore[no-untyped-def]  # numba wants the same signature as of what it compiles
    """Inside compiled loops: ``exp(x)`` of a number that is not positive, by :func:`exp32` for float32."""
    return np.exp(value)


@overload(exp_of)
def _exp_of(value):  # type: ignore[no-untyped-def]
    if value == numba.float32:
        return lambda value: exp32(value)
    return lambda value: np.exp(value)
