"""The typed attention of equations 1 and 2 as compiled loops over the pairs that are neighbours, for the CPU.

Sessions are small and ragged, so batched products on a CPU spend their time on padding and on memory. Here each
session's nodes stay in the cache and no pair matrix is ever stored; the backward pass computes the weights again. The
padded form in ``padded_attention`` gives the same numbers and serves other devices.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from encoders.graph import TYPES, SessionGraphs

SLOPE = 0.2
"""Of the LeakyReLU in equation 2, as in GAT."""

_WORD = 64
_JIT: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": {"reassoc", "contract", "nsz"}}


class NeighbourAttention(torch.autograd.Function):
    """``out[i, p] = sum_j softmax_j(LeakyReLU(left[i] + right[j])) values[j]`` over neighbours j of i of type p.

    Inputs:
        left, right: (n,) logit parts of the receiving and the sending node.
        values: (n, d).
        blocks: (3B + 1,) first node of each session and type.
        held: (n, W) the steps that hold each node, as bits.

    Returns:
        (n, 3, d), zero where a node has no neighbour of a type.
    """

    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, values: Tensor, blocks: NDArray, held: NDArray) -> Tensor:
        """Computes the attention; see the class."""
        arrays = [tensor.detach().contiguous().numpy() for tensor in (left, right, values)]
        out = np.zeros((len(arrays[0]), TYPES, arrays[2].shape[1]), dtype=arrays[2].dtype)
        factors = _factors(arrays[0], arrays[1], blocks)
        totals = _forward(*factors, arrays[2], blocks, held, out)
        ctx.state = (arrays[2], factors, totals, out, blocks, held)
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        """The softmax gradient per type, then the two slopes of the LeakyReLU."""
        values, factors, totals, out, blocks, held = ctx.state
        gradients = _backward(*factors, values, totals, out, blocks, held, grads[0].contiguous().numpy())
        left, right, value = (torch.from_numpy(gradient) for gradient in gradients)
        return left, right, value, None, None


def step_bits(graphs: SessionGraphs) -> NDArray[np.uint64]:
    """(n, W) the steps of its session that hold each node, one bit a step."""
    position = graphs.batch.step_position[graphs.member_step].numpy()
    words = int(position.max()) // _WORD + 1 if len(position) else 1
    return _step_bits(graphs.member_node.numpy(), position, len(graphs.node_session), words)


@numba.njit(cache=True)
def _step_bits(node: NDArray, position: NDArray, nodes: int, words: int) -> NDArray:
    bits = np.zeros((nodes, words), dtype=np.uint64)
    for e in range(len(node)):
        bits[node[e], position[e] // _WORD] |= np.uint64(1) << np.uint64(position[e] % _WORD)
    return bits


@numba.njit(cache=True)
def _field(bits: NDArray, field: NDArray) -> None:
    """Who is in step t sees steps t and t - 1."""
    for w in range(len(bits)):
        carry = bits[w + 1] << np.uint64(_WORD - 1) if w + 1 < len(bits) else np.uint64(0)
        field[w] = bits[w] | (bits[w] >> np.uint64(1)) | carry


@numba.njit(cache=True)
def _meet(field: NDArray, bits: NDArray) -> bool:
    for w in range(len(bits)):  # noqa: SIM110  a generator is not compiled
        if field[w] & bits[w]:
            return True
    return False


@numba.njit(cache=True)
def _factors(left: NDArray, right: NDArray, blocks: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """``exp(LeakyReLU(l + r))`` is ``max(exp(l) exp(r), exp(0.2 l) exp(0.2 r))``: four exponentials a node and none a
    pair.

    All are divided by the exponential of an upper bound of the row's logits, so that none exceeds 1.
    """
    steep_in, flat_in = np.empty_like(left), np.empty_like(left)
    steep_out, flat_out = np.empty_like(left), np.empty_like(left)
    for first in range(0, len(blocks) - 1, TYPES):
        start, end = blocks[first], blocks[first + TYPES]
        if start == end:
            continue
        top = right[start:end].max()
        for i in range(start, end):
            bound = left[i] + top
            shift = max(bound, SLOPE * bound)
            steep_in[i], flat_in[i] = np.exp(bound - shift), np.exp(SLOPE * bound - shift)
            steep_out[i], flat_out[i] = np.exp(right[i] - top), np.exp(SLOPE * (right[i] - top))
    return steep_in, flat_in, steep_out, flat_out


@numba.njit(**_JIT)
def _forward(
    steep_in: NDArray,
    flat_in: NDArray,
    steep_out: NDArray,
    flat_out: NDArray,
    values: NDArray,
    blocks: NDArray,
    held: NDArray,
    out: NDArray,
) -> NDArray:
    totals = np.zeros((len(values), TYPES), dtype=values.dtype)
    field = np.empty(held.shape[1], dtype=np.uint64)
    width = values.shape[1]
    for first in range(0, len(blocks) - 1, TYPES):
        for i in range(blocks[first], blocks[first + TYPES]):
            _field(held[i], field)
            for p in range(TYPES):
                total = values.dtype.type(0)
                row = out[i, p]
                for j in range(blocks[first + p], blocks[first + p + 1]):
                    if _meet(field, held[j]):
                        weight = max(steep_in[i] * steep_out[j], flat_in[i] * flat_out[j])
                        total += weight
                        for k in range(width):
                            row[k] += weight * values[j, k]
                if total > 0:
                    totals[i, p] = total
                    for k in range(width):
                        row[k] /= total
    return totals


@numba.njit(**_JIT)
def _backward(
    steep_in: NDArray,
    flat_in: NDArray,
    steep_out: NDArray,
    flat_out: NDArray,
    values: NDArray,
    totals: NDArray,
    out: NDArray,
    blocks: NDArray,
    held: NDArray,
    grad: NDArray,
) -> tuple[NDArray, NDArray, NDArray]:
    grad_left, grad_right = np.zeros_like(steep_in), np.zeros_like(steep_in)
    grad_values = np.zeros_like(values)
    field = np.empty(held.shape[1], dtype=np.uint64)
    width = values.shape[1]
    slope = values.dtype.type(SLOPE)
    for first in range(0, len(blocks) - 1, TYPES):
        for i in range(blocks[first], blocks[first + TYPES]):
            _field(held[i], field)
            for p in range(TYPES):
                if totals[i, p] == 0:
                    continue
                scale = 1 / totals[i, p]
                row = grad[i, p]
                carried = values.dtype.type(0)
                for k in range(width):
                    carried += row[k] * out[i, p, k]
                for j in range(blocks[first + p], blocks[first + p + 1]):
                    if _meet(field, held[j]):
                        steep, flat = steep_in[i] * steep_out[j], flat_in[i] * flat_out[j]
                        weight = max(steep, flat) * scale
                        along = values.dtype.type(0)
                        for k in range(width):
                            along += row[k] * values[j, k]
                            grad_values[j, k] += weight * row[k]
                        logit = weight * (along - carried)
                        if flat > steep:
                            logit *= slope
                        grad_left[i] += logit
                        grad_right[j] += logit
    return grad_left, grad_right, grad_values
