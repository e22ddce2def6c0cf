"""The typed attention of equations 1, 2 and 4 as compiled loops over the pairs that are neighbours, for the CPU.

Sessions are small and ragged, so batched products on a CPU spend their time on padding and on memory. Here each
session's nodes stay in the cache and no pair matrix is ever stored; the backward pass computes the weights again. What
calls them is ``typed_means``.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from encoders.graph import TYPES, SessionGraphs

SLOPE = 0.2
"""Of the LeakyReLU in equation 2, as in GAT."""

_WORD = 64
_JIT: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": {"reassoc", "contract", "nsz"}}


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
def factors(left: NDArray, right: NDArray, blocks: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """``exp(LeakyReLU(l + r))`` is ``max(exp(l) exp(r), exp(0.2 l) exp(0.2 r))``: four exponentials a node

    All are divided by the exponential of an upper bound of the row's logits, so that none exceeds 1.

    Args:
        left, right: (n,) logit parts of the receiving and the sending node.
        blocks: (3B + 1,) first node of each session and type.

    Returns:
        steep and flat factors of the receiving and of the sending node, (n,) each.
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
def attend(
    steep_in: NDArray,
    flat_in: NDArray,
    steep_out: NDArray,
    flat_out: NDArray,
    values: NDArray,
    blocks: NDArray,
    held: NDArray,
    out: NDArray,
) -> NDArray:
    """Equation 1 before σ, into ``out`` (n, 3, d), zeros at first; returns the sums of weights (n, 3), 0 for no one."""
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
def pool(typed: NDArray, blocks: NDArray, weigh: NDArray, bias: NDArray, means: NDArray, scores: NDArray) -> NDArray:
    """Means over the nodes of a session, into ``means`` (B, 3, d), and equation 4's sums, into ``scores`` (B, 3).

    Args:
        typed: (n, 3, d) node vectors by type, σ applied.
        blocks: (3B + 1,) first node of each session and type.
        weigh, bias: (d,) and (1,), W^g and b^g.
        means, scores: zeros at first.

    Returns:
        (n, 3) ELU(W^g v + b^g), for the backward pass.
    """
    single = np.empty((len(typed), TYPES), dtype=typed.dtype)
    width = typed.shape[2]
    for s in range(len(means)):
        start, end = blocks[TYPES * s], blocks[TYPES * (s + 1)]
        for i in range(start, end):
            for p in range(TYPES):
                row, mean = typed[i, p], means[s, p]
                logit = bias[0]
                for k in range(width):
                    logit += row[k] * weigh[k]
                    mean[k] += row[k]
                single[i, p] = logit if logit > 0 else np.expm1(logit)
                scores[s, p] += single[i, p]
        if end > start:
            inverse = 1 / typed.dtype.type(end - start)
            for p in range(TYPES):
                for k in range(width):
                    means[s, p, k] *= inverse
    return single


@numba.njit(**_JIT)
def backward(
    steep_in: NDArray,
    flat_in: NDArray,
    steep_out: NDArray,
    flat_out: NDArray,
    values: NDArray,
    totals: NDArray,
    typed: NDArray,
    single: NDArray,
    blocks: NDArray,
    held: NDArray,
    weigh: NDArray,
    grad_means: NDArray,
    grad_scores: NDArray,
    source: NDArray,
    sources: int,
) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]:
    """Gradients of left, right (u,), values (u, d), W^g (d,), b^g (1,) from those of means (B, 3, d), scores (B, 3).

    ELU's slope follows from its value, and the softmax's correction from the weights, so nothing else was kept.
    """
    width = values.shape[1]
    grad_left, grad_right = np.zeros(sources, dtype=values.dtype), np.zeros(sources, dtype=values.dtype)
    grad_values = np.zeros((sources, width), dtype=values.dtype)
    grad_weigh, grad_bias = np.zeros_like(weigh), np.zeros(1, dtype=values.dtype)
    field, row = np.empty(held.shape[1], dtype=np.uint64), np.empty(width, dtype=values.dtype)
    one, slope = values.dtype.type(1), values.dtype.type(SLOPE)
    largest = 0
    for first in range(0, len(blocks) - 1, TYPES):
        largest = max(largest, blocks[first + TYPES] - blocks[first])
    right_of, value_of = np.empty(largest, dtype=values.dtype), np.empty((largest, width), dtype=values.dtype)
    near = np.empty(largest, dtype=np.int64)
    weights, logits = np.empty(largest, dtype=values.dtype), np.empty(largest, dtype=values.dtype)
    for s in range(len(grad_means)):
        first = TYPES * s
        start, end = blocks[first], blocks[first + TYPES]
        if start == end:
            continue
        inverse = one / values.dtype.type(end - start)
        right_of[: end - start] = 0
        value_of[: end - start] = 0
        for i in range(start, end):
            _field(held[i], field)
            grad_in = values.dtype.type(0)
            for p in range(TYPES):
                kept, mean = typed[i, p], grad_means[s, p]
                score = grad_scores[s, p] * (one if single[i, p] > 0 else single[i, p] + one)
                grad_bias[0] += score
                if totals[i, p] == 0:
                    continue
                for k in range(width):
                    grad_weigh[k] += score * kept[k]
                    row[k] = (mean[k] * inverse + score * weigh[k]) * (one if kept[k] > 0 else kept[k] + one)
                scale = one / totals[i, p]
                found, carried = 0, values.dtype.type(0)
                for j in range(blocks[first + p], blocks[first + p + 1]):
                    if _meet(field, held[j]):
                        steep, flat = steep_in[i] * steep_out[j], flat_in[i] * flat_out[j]
                        weight = max(steep, flat) * scale
                        along = values.dtype.type(0)
                        for k in range(width):
                            along += row[k] * values[j, k]
                            value_of[j - start, k] += weight * row[k]
                        carried += weight * along
                        near[found], logits[found] = j - start, along
                        weights[found] = weight * slope if flat > steep else weight
                        found += 1
                for a in range(found):
                    logit = weights[a] * (logits[a] - carried)
                    grad_in += logit
                    right_of[near[a]] += logit
            grad_left[source[i]] += grad_in
        for i in range(start, end):
            grad_right[source[i]] += right_of[i - start]
            for k in range(width):
                grad_values[source[i], k] += value_of[i - start, k]
    return grad_left, grad_right, grad_values, grad_weigh, grad_bias
