"""The kernels in torch: for any device and number type, and for tests to compare the compiled loops with."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from bench.kernels.by_shape import CompiledByShape
from encoders.kernels.blocks import PAIRS_AT_ONCE, STEPS_A_WORD, Blocks
from encoders.kernels.layout import TYPES, NodeLayout

LEAKY_SLOPE = 0.2
"""Of the LeakyReLU in equation 2, as in GAT."""


def elu(values: Tensor) -> Tensor:
    """See :func:`encoders.kernels.elu`."""
    return F.elu(values)


def elu_sums(rows: Tensor, source: Tensor, factor: Tensor, target: Tensor, targets: int) -> Tensor:
    """See :func:`encoders.kernels.elu_sums`; a row for each edge."""
    sent = F.elu(rows.index_select(0, source) * factor.unsqueeze(1))  # (e, d)
    return sent.new_zeros(targets, rows.shape[1]).index_add(0, target, sent)


def typed_means(
    layout: NodeLayout, left: Tensor, right: Tensor, values: Tensor, weight: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    """See :func:`encoders.kernels.typed_means`; over padded sessions, see :mod:`encoders.kernels.blocks`."""
    if not len(layout.source):
        return values.new_zeros(layout.sessions, TYPES, values.shape[1]), values.new_zeros(layout.sessions, TYPES)
    blocks = Blocks.of(layout)
    source = layout.source[blocks.node]  # (L,)
    shown = (blocks.split(part.index_select(0, source)) for part in (left, right, values))
    ends = blocks.ends.split([rows for rows, _ in blocks.shapes])
    sums = [
        in_block(*block, weight, bias) for block in zip(*shown, blocks.split(blocks.held(layout)), ends, strict=True)
    ]
    nodes, scores = (torch.cat(part).index_select(0, blocks.row) for part in zip(*sums, strict=True))
    return nodes / layout.num_nodes.clamp(min=1).view(-1, 1, 1), scores


def attention(
    left: Tensor, right: Tensor, values: Tensor, held: Tensor, ends: Tensor, weight: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    """Equations 1 and 2 and the score of equation 4 in a block of b sessions, padded to N nodes and summed over them.

    No size depends on a value, so that ``torch.compile`` makes few kernels of it.

    Args:
        left, right, values: (b, N), (b, N) and (b, N, d) of each node, sorted by type.
        held: (b, N, W) the steps that hold it, see :meth:`encoders.kernels.blocks.Blocks.held`.
        ends: (b, P) how many nodes there are up to the end of each type.
        weight, bias: (d,) and (1,) of the score.

    Returns:
        (b, P, d) sums over i of :math:`v_i^p`, and (b, P) of :math:`\\sigma(W^g v_i^p + b^g)`.
    """
    column = torch.arange(left.shape[1], device=left.device)
    present = column < ends[:, -1:]  # (b, N)
    of_kind = (column >= F.pad(ends[:, :-1], (1, 0)).unsqueeze(2)) & (column < ends.unsqueeze(2))  # (b, P, N)
    allowed = of_kind.unsqueeze(2) & _neighbours(held * present.unsqueeze(2)).unsqueeze(1)  # (b, P, N, N)
    logits = F.leaky_relu(left.unsqueeze(2) + right.unsqueeze(1), LEAKY_SLOPE).unsqueeze(1)  # (b, 1, N, N)
    # not -inf: a row without neighbours would be NaN, and its gradient too
    weights = torch.softmax(logits.masked_fill(~allowed, torch.finfo(logits.dtype).min), dim=3)  # (b, P, N, N) eq. 2
    means = torch.bmm(weights.flatten(1, 2), values).unflatten(1, allowed.shape[1:3]).to(values.dtype)  # (b, P, N, d)
    node = F.elu(means.masked_fill(~allowed.any(3, keepdim=True), 0))  # (b, P, N, d) eq. 1
    score = F.elu(node @ weight + bias).masked_fill(~present.unsqueeze(1), 0)  # (b, P, N), of eq. 4
    return node.sum(2), score.sum(2)


in_block = CompiledByShape(attention)


def _neighbours(held: Tensor) -> Tensor:
    """(b, N, N) bool: whether the sender in a column is a neighbour of the receiver in a row.

    Args:
        held: (b, N, W) the steps that hold each node.
    """
    carried = (F.pad(held[:, :, 1:], (0, 1)) & 1) << (STEPS_A_WORD - 1)  # the first step of the next word
    seen = held | (held >> 1) | carried  # a receiver in step t sees the senders in t and in t - 1
    near = torch.zeros(1, dtype=torch.bool, device=held.device)
    for word in range(held.shape[2]):
        near = near | ((seen[:, :, None, word] & held[:, None, :, word]) != 0)
    return near


def pair_logits(left: Tensor, right: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    """See :func:`encoders.kernels.pair_logits`; as many units at once as ``PAIRS_AT_ONCE`` admits, one at least."""
    logits = left.new_zeros(left.shape[1], right.shape[1]) + bias  # (A, B)
    units = max(1, PAIRS_AT_ONCE // max(1, logits.numel()))
    for of_left, of_right, weight in zip(left.split(units), right.split(units), weights.split(units), strict=True):
        hidden = F.relu(of_left.unsqueeze(2) + of_right.unsqueeze(1))  # (k, A, B)
        logits = logits + (weight.view(-1, 1, 1) * hidden).sum(0)  # no product of matrices: autocast would round it
    return logits


def lstm_states(
    lstm: nn.LSTM, lengths: Tensor, text: Tensor, kinds: Tensor, learnt: Tensor, learnt_steps: Tensor, wanted: Tensor
) -> Tensor:
    """See :func:`encoders.kernels.lstm_states`: torch's own LSTM."""
    sequence = torch.repeat_interleave(lengths)  # (T,)
    rank = torch.argsort(torch.argsort(lengths, descending=True, stable=True))  # (B,)
    first = lengths.cumsum(0) - lengths  # (B,) the number of each sequence's first step
    position = torch.arange(len(sequence), device=lengths.device) - first[sequence]  # (T,)
    sizes = torch.bincount(position)  # (L,) sequences that have a step at each position: the first ones by rank
    place = (sizes.cumsum(0) - sizes)[position] + rank[sequence]  # (T,) of each step in packed order
    every = torch.eye(lstm.input_size - text.shape[1] - learnt.shape[1], dtype=text.dtype, device=text.device)
    of_learnt = learnt.new_zeros(len(text), learnt.shape[1]).index_add(0, learnt_steps, learnt)  # (T, b)
    inputs = torch.cat([text, every[kinds], of_learnt], dim=1)
    packed = torch.empty_like(inputs).index_copy(0, place, inputs)
    states: Tensor = lstm(PackedSequence(packed, sizes.cpu()))[0].data  # (T, H)
    return states.index_select(0, place[wanted])
