"""Sums of ELUs of scaled rows: what equations 6 and 7 do with members of a step and with steps of a session."""

from __future__ import annotations

from typing import Any

import numba
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from encoders.kernels.vector_gradients import add_bent_back
from encoders.kernels.vector_rows import add_bent
from encoders.kernels.vector_writer import COLUMNS


def bent_sums(rows: Tensor, source: Tensor, factor: Tensor, target: Tensor, targets: int) -> Tensor:
    r"""(targets, d) with :math:`\sum_{e:\, target_e = t} \mathrm{ELU}(factor_e\, rows_{source_e})` in row t.

    On CPUs in one pass over compiled loops, which store nothing of an edge.

    Args:
        rows: (u, d).
        source: (e,) the row that each edge sends.
        factor: (e,) what it is multiplied by; no gradient goes there.
        target: (e,) where it goes.
        targets: how many there are.
    """
    if rows.device.type == "cpu":
        return _BentSums.apply(rows, source, factor, target, targets)
    return bent_sums_by_edges(rows, source, factor, target, targets)


def bent_sums_by_edges(rows: Tensor, source: Tensor, factor: Tensor, target: Tensor, targets: int) -> Tensor:
    """The same on any device, through a row for each edge."""
    sent = F.elu(rows.index_select(0, source) * factor.unsqueeze(1))  # (e, d)
    return sent.new_zeros(targets, rows.shape[1]).index_add(0, target, sent)


class _BentSums(torch.autograd.Function):
    """The compiled loops."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, source: Tensor, factor: Tensor, target: Tensor, targets: int) -> Tensor:
        padded = F.pad(rows, (0, -rows.shape[1] % COLUMNS)).contiguous()  # (u, a multiple of COLUMNS)
        ctx.state = (padded.detach().numpy(), source.numpy(), factor.detach().numpy(), target.numpy())
        ctx.width = rows.shape[1]
        sums = padded.new_zeros(targets, padded.shape[1])
        source_array, factor_array, target_array = ctx.state[1:]
        _add(ctx.state[0], source_array, factor_array, target_array, sums.numpy())
        return sums[:, : ctx.width]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        rows, source, factor, target = ctx.state
        padded = F.pad(grads[0], (0, rows.shape[1] - ctx.width)).contiguous()
        found = padded.new_zeros(rows.shape)
        _add_back(rows, source, factor, padded.numpy(), target, found.numpy())
        return found[:, : ctx.width], None, None, None, None


@numba.njit(cache=True, nogil=True)
def _add(rows: NDArray, source: NDArray, factor: NDArray, target: NDArray, sums: NDArray) -> None:
    for e in range(len(source)):
        add_bent(rows, source[e], factor[e], sums, target[e])


@numba.njit(cache=True, nogil=True)
def _add_back(rows: NDArray, source: NDArray, factor: NDArray, grads: NDArray, target: NDArray, found: NDArray) -> None:
    for e in range(len(source)):
        add_bent_back(rows, source[e], factor[e], grads, target[e], found)
