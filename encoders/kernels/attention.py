"""The typed attention of equations 1, 2 and 4 as compiled loops over the pairs that are neighbours, for the CPU.

Sessions are small and ragged, so batched products on a CPU spend their time on padding and on memory. Here a session's
rows stay in the cache, and nothing is stored of a pair or of a node: the backward pass
(:mod:`.attention_gradients`) computes both again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.kernels.compiled import FAST, compiled
from bench.kernels.exponential import exp_of
from encoders.kernels.layout import TYPES
from encoders.kernels.reference import LEAKY_SLOPE
from encoders.kernels.vector_rows import elu_row, larger_products, mean_row
from encoders.kernels.vectors import AT_ONCE, LANES


@compiled(fastmath=FAST)
def logit_factors(
    left: NDArray,
    right: NDArray,
    source: NDArray,
    unit_in: NDArray,
    leaky_in: NDArray,
    unit_out: NDArray,
    leaky_out: NDArray,
) -> None:
    """``exp(LeakyReLU(l + r))`` is ``max(exp(l) exp(r), exp(0.2 l) exp(0.2 r))``: four exponentials a node.

    All are divided by the exponential of an upper bound of the row's logits, so that none exceeds 1.

    Args:
        left, right: (u,) logit parts of the receiving and the sending node, by source.
        source: (n,) of the session's nodes.
        unit_in, leaky_in, unit_out, leaky_out: (n,) results: factors of the receiving and of the sending node, on the
            side of LeakyReLU where the slope is 1 and on the other.
    """
    slope, top = left.dtype.type(LEAKY_SLOPE), right[source[0]]
    for i in range(len(source)):
        top = max(top, right[source[i]])
    for i in range(len(source)):
        bound, sent = left[source[i]] + top, right[source[i]] - top
        shift = max(bound, slope * bound)
        unit_in[i], leaky_in[i] = exp_of(bound - shift), exp_of(slope * bound - shift)
        unit_out[i], leaky_out[i] = exp_of(sent), exp_of(slope * sent)


@compiled(fastmath=FAST)
def forward(
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
    means: NDArray,
    scores: NDArray,
) -> None:
    """Means over a session's nodes of equation 1, into ``means``, and equation 4's sums over them, into ``scores``.

    Args:
        left, right, values: (u,), (u,) and (u, d) logit parts and values by source; d a multiple of ``COLUMNS``.
        weight, bias: (d,) and (1,), W^g and b^g.
        source: (n,) of each node.
        blocks: (3B + 1,) first node of each session and type.
        groups, receivers, first_receiver, senders, first_sender: see :class:`.neighbours.Neighbourhoods`.
        means, scores: (B, 3, d) and (B, 3), zeros at first.
    """
    dtype, width, most = values.dtype, values.shape[1], most_nodes(blocks)
    zero, one = dtype.type(0), dtype.type(1)
    room = most + TYPES * AT_ONCE + LANES
    unit_in, leaky_in, unit_out, leaky_out = (
        np.empty(most, dtype), np.empty(most, dtype), np.empty(most, dtype), np.empty(most, dtype),
    )  # fmt: skip
    unit, leaky, weights = np.zeros(room, dtype), np.zeros(room, dtype), np.empty(room, dtype)
    index, local, ends = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(TYPES + 1, np.int64)
    mean, activated = np.empty((TYPES, width), dtype), np.empty((TYPES, width), dtype)
    empty_score = max(bias[0], exp_of(min(bias[0], zero)) - one)  # of a type without neighbours
    for s in range(len(means)):
        start, end = blocks[TYPES * s], blocks[TYPES * (s + 1)]
        if start == end:
            continue
        logit_factors(left, right, source[start:end], unit_in, leaky_in, unit_out, leaky_out)
        session_mean = means[s]
        for group in range(groups[s], groups[s + 1]):
            count = gather_senders(
                group, start, senders, first_sender, source, unit_out, leaky_out, unit, leaky, index, local, ends
            )
            for received in range(first_receiver[group], first_receiver[group + 1]):
                i = receivers[received] - start
                larger_products(unit, leaky, unit_in[i], leaky_in[i], count, weights)
                for p in range(TYPES):
                    if ends[p] == ends[p + 1]:
                        scores[s, p] += empty_score
                        continue
                    mean_row(values, index, weights, ends[p], ends[p + 1], mean, p)
                    logit = bias[0] + elu_row(mean, p, weight, activated)
                    scores[s, p] += max(logit, exp_of(min(logit, zero)) - one)  # ELU without a branch
                    for k in range(width):
                        session_mean[p, k] += activated[p, k]
        inverse = dtype.type(1) / dtype.type(end - start)
        for p in range(TYPES):
            for k in range(width):
                session_mean[p, k] *= inverse


@compiled(inline="always", fastmath=FAST)
def gather_senders(
    group: int,
    start: int,
    senders: NDArray,
    first_sender: NDArray,
    source: NDArray,
    unit_out: NDArray,
    leaky_out: NDArray,
    unit: NDArray,
    leaky: NDArray,
    index: NDArray,
    local: NDArray,
    ends: NDArray,
) -> int:
    """Copies a group's neighbours side by side, each type filled up to a multiple of ``AT_ONCE`` by weights of 0.

    Args:
        start: first node of the session.
        unit_out, leaky_out: (n,) factors of the session's nodes, see :func:`logit_factors`.
        unit, leaky, index, local: results: factors, sources and nodes, counted within the session, of the neighbours.
        ends: (P + 1,) result: where each type begins.

    Returns:
        their number, filling included.
    """
    count = 0
    for p in range(TYPES):
        ends[p] = count
        for n in range(first_sender[TYPES * group + p], first_sender[TYPES * group + p + 1]):
            node = senders[n] - start
            unit[count], leaky[count], index[count], local[count] = (
                unit_out[node], leaky_out[node], source[senders[n]], node,
            )  # fmt: skip
            count += 1
        while count % AT_ONCE:
            unit[count], leaky[count], index[count] = 0, 0, index[count - 1]
            count += 1
    ends[TYPES] = count
    return count


@compiled(fastmath=FAST)
def most_nodes(blocks: NDArray) -> np.int64:
    """Nodes of the largest session."""
    longest = np.int64(0)
    for first in range(0, len(blocks) - 1, TYPES):
        longest = max(longest, blocks[first + TYPES] - blocks[first])
    return longest
