"""The gradients of the loops of :mod:`.attention`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.kernels.compiled import FAST, compiled
from bench.kernels.exponential import exp_of
from encoders.kernels.attention import gather_senders, logit_factors, most_nodes
from encoders.kernels.layout import TYPES
from encoders.kernels.reference import LEAKY_SLOPE
from encoders.kernels.vector_gradients import (
    add_sender_gradients,
    add_source_gradient,
    elu_row_gradient,
    mean_row_of_two,
    product,
    split_products,
)
from encoders.kernels.vector_rows import elu_row
from encoders.kernels.vectors import AT_ONCE, LANES


@compiled(fastmath=FAST)
def backward(
    left: NDArray,
    right: NDArray,
    values: NDArray,
    weight: NDArray,
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
    dtype, width, most = values.dtype, values.shape[1], most_nodes(blocks)
    zero, one, slope = dtype.type(0), dtype.type(1), dtype.type(LEAKY_SLOPE)
    grad_left, grad_right = np.zeros(len(values), dtype), np.zeros(len(values), dtype)
    grad_values, grad_weight, grad_bias = (
        np.zeros((len(values), width), dtype),
        np.zeros(width, dtype),
        np.zeros(1, dtype),
    )
    room = most + TYPES * AT_ONCE + LANES
    unit_in, leaky_in, unit_out, leaky_out = (
        np.empty(most, dtype), np.empty(most, dtype), np.empty(most, dtype), np.empty(most, dtype),
    )  # fmt: skip
    unit, leaky = np.zeros(room, dtype), np.zeros(room, dtype)
    unit_weights, leaky_weights = np.empty(room, dtype), np.empty(room, dtype)
    index, local, ends = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(TYPES + 1, np.int64)
    mean, activated = np.empty((TYPES, width), dtype), np.empty((TYPES, width), dtype)
    part, row, shares = np.empty((TYPES, width), dtype), np.empty((TYPES, width), dtype), np.empty(TYPES, dtype)
    sums, corrections = np.empty((most, 2, width), dtype), np.empty((most, 2), dtype)  # by node and side of LeakyReLU
    empty_score = max(bias[0], exp_of(min(bias[0], zero)) - one)
    for s in range(len(grad_means)):
        start, end = blocks[TYPES * s], blocks[TYPES * (s + 1)]
        if start == end:
            continue
        logit_factors(left, right, source[start:end], unit_in, leaky_in, unit_out, leaky_out)
        inverse = one / dtype.type(end - start)
        sums[: end - start] = zero
        corrections[: end - start] = zero
        for group in range(groups[s], groups[s + 1]):
            count = gather_senders(
                group, start, senders, first_sender, source, unit_out, leaky_out, unit, leaky, index, local, ends
            )
            for received in range(first_receiver[group], first_receiver[group + 1]):
                i = receivers[received] - start
                split_products(unit, leaky, unit_in[i], leaky_in[i], count, unit_weights, leaky_weights)
                grad_in = zero
                for p in range(TYPES):
                    if ends[p] == ends[p + 1]:
                        grad_bias[0] += grad_scores[s, p] * (min(empty_score, zero) + one)
                        continue
                    total = mean_row_of_two(
                        values, index, unit_weights, leaky_weights, ends[p], ends[p + 1], mean, part, p, shares
                    )
                    logit = bias[0] + elu_row(mean, p, weight, activated)
                    single = max(logit, exp_of(min(logit, zero)) - one)
                    score = grad_scores[s, p] * (min(single, zero) + one)
                    grad_bias[0] += score
                    correction = elu_row_gradient(
                        grad_means, s, inverse, score, weight, mean, activated, p, row, grad_weight
                    )
                    grad_in += product(row, part, p) - correction * shares[p]
                    last = ends[p] + first_sender[TYPES * group + p + 1] - first_sender[TYPES * group + p]
                    add_sender_gradients(
                        sums,
                        corrections,
                        local,
                        unit_weights,
                        leaky_weights,
                        ends[p],
                        last,
                        row,
                        p,
                        one / total,
                        correction,
                    )
                grad_left[source[start + i]] += (
                    one - slope
                ) * grad_in  # λ is 0.2, and 0.8 more on one side; 0.2 cancels
        for j in range(end - start):
            along = add_source_gradient(sums, j, slope, values, grad_values, source[start + j])
            grad_right[source[start + j]] += along - corrections[j, 0] - slope * corrections[j, 1]
    return grad_left, grad_right, grad_values, grad_weight, grad_bias
