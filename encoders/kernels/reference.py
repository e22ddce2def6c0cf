"""The kernels in torch: for any device and number type, and for tests to compare the compiled loops with."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from encoders.kernels.layout import TYPES, NodeLayout

LEAKY_SLOPE = 0.2
"""Of the LeakyReLU in equation 2, as in GAT."""
PAIRS_AT_ONCE = 2**24  # of nodes; bounds the memory


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
    """See :func:`encoders.kernels.typed_means`."""
    session, source = torch.div(layout.block, TYPES, rounding_mode="floor"), layout.source
    node = F.elu(attention(layout, left[source], right[source], values[source]))  # (n, P, d) eq. 1
    score = F.elu(node @ weight + bias)  # (n, P), of eq. 4
    scores = score.new_zeros(layout.sessions, TYPES).index_add(0, session, score)
    sums = node.new_zeros(layout.sessions, TYPES, values.shape[1]).index_add(0, session, node)
    return sums / layout.num_nodes.clamp(min=1).view(-1, 1, 1), scores


def attention(layout: NodeLayout, left: Tensor, right: Tensor, values: Tensor) -> Tensor:
    """(n, P, d) equation 1 before σ, by batched products over padded sessions.

    Args:
        layout: the nodes.
        left, right, values: (n,), (n,) and (n, d), for each node.
    """
    sizes, first_node, device = layout.num_nodes, layout.first_node, values.device
    first_member = torch.searchsorted(layout.member_node.contiguous(), first_node.contiguous())  # (B + 1,)
    node_type = layout.block % TYPES
    by_size = torch.argsort(sizes)
    by_size = by_size[sizes[by_size] > 0]
    chunk = torch.div((sizes[by_size] ** 2).cumsum(0) - 1, PAIRS_AT_ONCE, rounding_mode="floor")
    attended = values.new_zeros(len(values), TYPES, values.shape[1])
    for number in chunk.unique().tolist():
        sessions = by_size[chunk == number]  # (b,)
        column = torch.arange(int(sizes[sessions].max()), device=device)
        node = first_node[sessions].unsqueeze(1) + column  # (b, N)
        present = column < sizes[sessions].unsqueeze(1)
        node = torch.where(present, node, 0)
        members = len(layout.member_node) if len(sessions) == len(by_size) else None  # nobody is in a later chunk
        near = _neighbours(layout, sessions, first_member, members, len(column)).unsqueeze(0)  # (1, b, N, N)
        kind = torch.arange(TYPES, device=device).view(-1, 1, 1)
        of_kind = ((node_type[node] == kind) & present).unsqueeze(2)  # (P, b, 1, N)
        logits = F.leaky_relu(left[node].unsqueeze(2) + right[node].unsqueeze(1), LEAKY_SLOPE)  # (b, N, N)
        means = []
        for allowed in near & of_kind:
            weights = torch.softmax(logits.masked_fill(~allowed, -torch.inf), dim=2).masked_fill(~allowed, 0)  # eq. 2
            means.append(torch.bmm(weights, values[node]))  # (b, N, d)
        attended = attended.index_put((node[present],), torch.stack(means, 2)[present])
    return attended


def _neighbours(layout: NodeLayout, sessions: Tensor, first_member: Tensor, members: int | None, width: int) -> Tensor:
    """(b, N, N) bool: whether the sender in a column is a neighbour of the receiver in a row.

    Args:
        layout: the nodes.
        sessions: (b,) whose.
        first_member: (B + 1,) first membership of each session of the layout.
        members: how many memberships they have; None where only the device knows, for which a GPU waits.
        width: N.
    """
    counts = first_member[sessions + 1] - first_member[sessions]  # (b,)
    row = torch.repeat_interleave(counts, output_size=members)  # (m,)
    member = torch.arange(len(row), device=row.device) - (counts.cumsum(0) - counts)[row] + first_member[sessions][row]
    node = layout.member_node[member] - layout.first_node[sessions][row]
    position = layout.member_position[member]
    held = torch.zeros(len(sessions), width, int(position.max()) + 1, device=row.device)
    held[row, node, position] = 1
    seen = held + F.pad(held[:, :, 1:], (0, 1))  # a receiver in step t sees the senders in t and in t - 1
    return torch.bmm(seen, held.transpose(1, 2)) > 0


def pair_logits(left: Tensor, right: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    """See :func:`encoders.kernels.pair_logits`; an A x B matrix for each unit, so that none is of three dimensions."""
    logits = left.new_zeros(left.shape[1], right.shape[1]) + bias
    hidden = torch.empty_like(logits)
    for unit, weight in enumerate(weights.tolist()):
        torch.add(left[unit].unsqueeze(1), right[unit].unsqueeze(0), out=hidden)
        logits.add_(hidden.relu_(), alpha=weight)
    return logits


def last_states(lstm: nn.LSTM, fixed: Tensor, learnt: Tensor, sizes: Tensor) -> Tensor:
    """See :func:`encoders.kernels.last_states`: torch's own LSTM."""
    _, (last, _) = lstm(PackedSequence(torch.cat([fixed, learnt], dim=1), sizes))  # (1, B, H)
    states: Tensor = last[0]
    return states
