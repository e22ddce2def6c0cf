"""Attended node vectors by type, averaged over each session: what equations 1, 2, 4 and 5 share."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from encoders.attention_kernel import attend, backward, factors, pool, step_bits
from encoders.elu import elu_in_place
from encoders.graph import TYPES, SessionGraphs
from encoders.padded_attention import padded_attention


def typed_means(
    graphs: SessionGraphs, left: Tensor, right: Tensor, values: Tensor, weigh: Tensor, bias: Tensor, typed: bool = True
) -> tuple[Tensor, Tensor]:
    r"""Means of :math:`v_i^p` over the nodes of each session, and the sums in the exponent of :math:`\beta^p`.

    Args:
        graphs: the graphs of B sessions.
        left, right: (u,) parts of the attention's logit, of the receiving and of the sending node, for each source.
        values: (u, d) what is attended to, for each source.
        weigh, bias: (d,) and (1,), :math:`W^g` and :math:`b^g`.
        typed: false takes all nodes as one type, the first; the others are zero then. On CPUs only.

    Returns:
        (B, 3, d) means over i of :math:`\sigma(\sum_j \alpha_{ij}^p v_j)`, and
        (B, 3) sums over i of :math:`\sigma(W^g v_i^p + b^g)`.
    """
    if uses_kernel(values):
        blocks = graphs.blocks if typed else graphs.untyped_blocks
        return _TypedMeans.apply(left, right, values, weigh, bias, graphs, blocks.numpy())
    source, owner, sessions = graphs.node_source, graphs.node_session, len(graphs.batch)
    node = F.elu(padded_attention(graphs, left[source], right[source], values[source]))  # (n, P, d) eq. 1
    score = F.elu(node @ weigh + bias)  # (n, P)
    scores = score.new_zeros(sessions, TYPES).index_add(0, owner, score)
    sums = node.new_zeros(sessions, TYPES, values.shape[1]).index_add(0, owner, node)
    return sums / graphs.num_nodes.clamp(min=1).view(-1, 1, 1), scores


def uses_kernel(values: Tensor) -> bool:
    """Whether the compiled loops serve here; other devices take the padded products."""
    return values.device.type == "cpu"


class _TypedMeans(torch.autograd.Function):
    """The compiled loops, forward and backward."""

    @staticmethod
    def forward(
        ctx: Any,
        left: Tensor,
        right: Tensor,
        values: Tensor,
        weigh: Tensor,
        bias: Tensor,
        graphs: SessionGraphs,
        blocks: np.ndarray,
    ) -> tuple[Tensor, Tensor]:
        source = graphs.node_source.numpy()
        arrays = [tensor.detach().numpy()[source] for tensor in (left, right, values)]
        weights = [tensor.detach().numpy() for tensor in (weigh, bias)]
        held = step_bits(graphs)
        shape = (len(graphs.batch), TYPES, values.shape[1])
        typed = np.zeros((len(source), *shape[1:]), dtype=arrays[2].dtype)
        parts = factors(arrays[0], arrays[1], blocks)
        totals = attend(*parts, arrays[2], blocks, held, typed)
        elu_in_place(typed)
        means, scores = np.zeros(shape, dtype=typed.dtype), np.zeros(shape[:2], dtype=typed.dtype)
        single = pool(typed, blocks, *weights, means, scores)
        ctx.state = (*parts, arrays[2], totals, typed, single, blocks, held, weights[0])
        ctx.source = (source, len(values))
        return torch.from_numpy(means), torch.from_numpy(scores)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        found = backward(*ctx.state, *(grad.contiguous().numpy() for grad in grads), *ctx.source)
        return (*(torch.from_numpy(gradient) for gradient in found), None, None)
