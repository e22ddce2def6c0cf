"""The typed attention of equations 1, 2 and 4 as compiled loops over the pairs that are neighbours, for the CPU.

Sessions are small and ragged, so batched products on a CPU spend their time on padding and on memory. Here a session's
rows stay in the cache, and nothing is stored of a pair or of a node: the backward pass computes both again. What calls
these loops is ``typed_means``.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from encoders.kernels.elu import exp_of
from encoders.kernels.vector_gradients import add_shares, bend_back, hand_back, mean_row_of_two, product, split_products
from encoders.kernels.vector_rows import bend, larger_products, mean_row
from encoders.kernels.vector_writer import AT_ONCE, LANES
from encoders.muvcog.graph import TYPES

SLOPE = 0.2
"""Of the LeakyReLU in equation 2, as in GAT."""

_JIT: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": {"reassoc", "contract", "nsz"}}


@numba.njit(**_JIT)
def _factors(
    left: NDArray,
    right: NDArray,
    source: NDArray,
    steep_in: NDArray,
    flat_in: NDArray,
    steep_out: NDArray,
    flat_out: NDArray,
) -> None:
    """``exp(LeakyReLU(l + r))`` is ``max(exp(l) exp(r), exp(0.2 l) exp(0.2 r))``: four exponentials a node.

    All are divided by the exponential of an upper bound of the row's logits, so that none exceeds 1.

    Args:
        left, right: (u,) logit parts of the receiving and the sending node, by source.
        source: (n,) of the session's nodes.
        steep_in, flat_in, steep_out, flat_out: (n,) factors of the receiving and of the sending node, to be filled.
    """
    slope, top = left.dtype.type(SLOPE), right[source[0]]
    for i in range(len(source)):
        top = max(top, right[source[i]])
    for i in range(len(source)):
        bound, below = left[source[i]] + top, right[source[i]] - top
        shift = max(bound, slope * bound)
        steep_in[i], flat_in[i] = exp_of(bound - shift), exp_of(slope * bound - shift)
        steep_out[i], flat_out[i] = exp_of(below), exp_of(slope * below)


@numba.njit(**_JIT)
def forward(
    left: NDArray,
    right: NDArray,
    values: NDArray,
    weigh: NDArray,
    bias: NDArray,
    source: NDArray,
    blocks: NDArray,
    groups: NDArray,
    receivers: NDArray,
    first_receiver: NDArray,
    senders: NDArray,
    first_sender: NDArray,
    means: NDArray,
    scores: NDArray,
) -> None:
    """Means over a session's nodes of equation 1, into ``means``, and equation 4's sums over them, into ``scores``.

    Args:
        left, right, values: (u,), (u,) and (u, d) logit parts and values by source; d a multiple of ``COLUMNS``.
        weigh, bias: (d,) and (1,), W^g and b^g.
        source: (n,) of each node.
        blocks: (3B + 1,) first node of each session and type.
        groups, receivers, first_receiver, senders, first_sender: see :class:`.neighbours.Neighbourhoods`.
        means, scores: (B, 3, d) and (B, 3), zeros at first.
    """
    dtype, width, most = values.dtype, values.shape[1], _longest(blocks)
    zero, one = dtype.type(0), dtype.type(1)
    room = most + TYPES * AT_ONCE + LANES
    steep_in, flat_in, steep_out, flat_out = (
        np.empty(most, dtype), np.empty(most, dtype), np.empty(most, dtype), np.empty(most, dtype),
    )  # fmt: skip
    steep, flat, weights = np.zeros(room, dtype), np.zeros(room, dtype), np.empty(room, dtype)
    index, local, ends = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(TYPES + 1, np.int64)
    plain, bent = np.empty((TYPES, width), dtype), np.empty((TYPES, width), dtype)
    nothing = max(bias[0], exp_of(min(bias[0], zero)) - one)  # of a type without neighbours
    for s in range(len(means)):
        start, end = blocks[TYPES * s], blocks[TYPES * (s + 1)]
        if start == end:
            continue
        _factors(left, right, source[start:end], steep_in, flat_in, steep_out, flat_out)
        mean = means[s]
        for group in range(groups[s], groups[s + 1]):
            count = _gather(
                group, start, senders, first_sender, source, steep_out, flat_out, steep, flat, index, local, ends
            )
            for received in range(first_receiver[group], first_receiver[group + 1]):
                i = receivers[received] - start
                larger_products(steep, flat, steep_in[i], flat_in[i], count, weights)
                for p in range(TYPES):
                    if ends[p] == ends[p + 1]:
                        scores[s, p] += nothing
                        continue
                    mean_row(values, index, weights, ends[p], ends[p + 1], plain, p)
                    logit = bias[0] + bend(plain, p, weigh, bent)
                    scores[s, p] += max(logit, exp_of(min(logit, zero)) - one)  # ELU; nobody could predict a branch
                    for k in range(width):
                        mean[p, k] += bent[p, k]
        inverse = dtype.type(1) / dtype.type(end - start)
        for p in range(TYPES):
            for k in range(width):
                mean[p, k] *= inverse


@numba.njit(**_JIT)
def backward(
    left: NDArray,
    right: NDArray,
    values: NDArray,
    weigh: NDArray,
    bias: NDArray,
    source: NDArray,
    blocks: NDArray,
    groups: NDArray,
    receivers: NDArray,
    first_receiver: NDArray,
    senders: NDArray,
    first_sender: NDArray,
    grad_means: NDArray,
    grad_scores: NDArray,
) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]:
    r"""Gradients of left, right (u,), values (u, d), W^g (d,), b^g (1,) from those of means (B, 3, d), scores (B, 3).

    Arguments are those of :func:`forward`. With r the gradient of equation 1's sum for a node i and type p, z the sum,
    and :math:`\lambda_{ij}` LeakyReLU's slope, 1 or 0.2,

    .. math::
        \partial v_j = \sum_i \alpha_{ij} r_i, \qquad
        \partial l_i = \sum_j \lambda_{ij} \alpha_{ij} (r_i \cdot v_j - r_i \cdot z_i), \qquad
        \partial r_j = \sum_i \lambda_{ij} \alpha_{ij} (r_i \cdot v_j - r_i \cdot z_i)

    Since λ has two values, sums over each of its two sides give all three, and no product is taken of a pair.
    """
    dtype, width, most = values.dtype, values.shape[1], _longest(blocks)
    zero, one, slope = dtype.type(0), dtype.type(1), dtype.type(SLOPE)
    grad_left, grad_right = np.zeros(len(values), dtype), np.zeros(len(values), dtype)
    grad_values, grad_weigh, grad_bias = (
        np.zeros((len(values), width), dtype),
        np.zeros(width, dtype),
        np.zeros(1, dtype),
    )
    room = most + TYPES * AT_ONCE + LANES
    steep_in, flat_in, steep_out, flat_out = (
        np.empty(most, dtype), np.empty(most, dtype), np.empty(most, dtype), np.empty(most, dtype),
    )  # fmt: skip
    steep, flat = np.zeros(room, dtype), np.zeros(room, dtype)
    above, below = np.empty(room, dtype), np.empty(room, dtype)
    index, local, ends = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(TYPES + 1, np.int64)
    plain, bent = np.empty((TYPES, width), dtype), np.empty((TYPES, width), dtype)
    part, row, shares = np.empty((TYPES, width), dtype), np.empty((TYPES, width), dtype), np.empty(TYPES, dtype)
    sums, carried = np.empty((most, 2, width), dtype), np.empty((most, 2), dtype)  # by node and side of LeakyReLU
    nothing = max(bias[0], exp_of(min(bias[0], zero)) - one)
    for s in range(len(grad_means)):
        start, end = blocks[TYPES * s], blocks[TYPES * (s + 1)]
        if start == end:
            continue
        _factors(left, right, source[start:end], steep_in, flat_in, steep_out, flat_out)
        inverse = one / dtype.type(end - start)
        sums[: end - start] = zero
        carried[: end - start] = zero
        for group in range(groups[s], groups[s + 1]):
            count = _gather(
                group, start, senders, first_sender, source, steep_out, flat_out, steep, flat, index, local, ends
            )
            for received in range(first_receiver[group], first_receiver[group + 1]):
                i = receivers[received] - start
                split_products(steep, flat, steep_in[i], flat_in[i], count, above, below)
                grad_in = zero
                for p in range(TYPES):
                    if ends[p] == ends[p + 1]:
                        grad_bias[0] += grad_scores[s, p] * (min(nothing, zero) + one)
                        continue
                    total = mean_row_of_two(values, index, above, below, ends[p], ends[p + 1], plain, part, p, shares)
                    logit = bias[0] + bend(plain, p, weigh, bent)
                    single = max(logit, exp_of(min(logit, zero)) - one)
                    score = grad_scores[s, p] * (min(single, zero) + one)
                    grad_bias[0] += score
                    carry = bend_back(grad_means, s, inverse, score, weigh, plain, bent, p, row, grad_weigh)
                    grad_in += product(row, part, p) - carry * shares[p]
                    last = ends[p] + first_sender[TYPES * group + p + 1] - first_sender[TYPES * group + p]
                    add_shares(sums, carried, local, above, below, ends[p], last, row, p, one / total, carry)
                grad_left[source[start + i]] += (one - slope) * grad_in  # λ is 0.2 + 0.8 where it is steep; 0.2 cancels
        for j in range(end - start):
            along = hand_back(sums, j, slope, values, grad_values, source[start + j])
            grad_right[source[start + j]] += along - carried[j, 0] - slope * carried[j, 1]
    return grad_left, grad_right, grad_values, grad_weigh, grad_bias


@numba.njit(inline="always", **_JIT)
def _gather(
    group: int,
    start: int,
    senders: NDArray,
    first_sender: NDArray,
    source: NDArray,
    steep_out: NDArray,
    flat_out: NDArray,
    steep: NDArray,
    flat: NDArray,
    index: NDArray,
    local: NDArray,
    ends: NDArray,
) -> int:
    """Puts a group's neighbours side by side: factors, sources, places in the session, and where each type begins; each
    is filled up to a multiple of ``AT_ONCE`` by neighbours of weight 0. Returns how many."""
    found = 0
    for p in range(TYPES):
        ends[p] = found
        for at in range(first_sender[TYPES * group + p], first_sender[TYPES * group + p + 1]):
            place = senders[at] - start
            steep[found], flat[found], index[found], local[found] = (
                steep_out[place], flat_out[place], source[senders[at]], place,
            )  # fmt: skip
            found += 1
        while found % AT_ONCE:
            steep[found], flat[found], index[found] = 0, 0, index[found - 1]
            found += 1
    ends[TYPES] = found
    return found


@numba.njit(**_JIT)
def _longest(blocks: NDArray) -> np.int64:
    """Nodes of the session that has most."""
    longest = np.int64(0)
    for first in range(0, len(blocks) - 1, TYPES):
        longest = max(longest, blocks[first + TYPES] - blocks[first])
    return longest
