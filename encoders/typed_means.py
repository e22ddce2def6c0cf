"""Attended node vectors by type, averaged over each session: what equations 1, 2, 4 and 5 share."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from encoders.kernels.attention import backward, forward
from encoders.kernels.neighbours import Neighbourhoods
from encoders.kernels.padded_attention import padded_attention
from encoders.kernels.vector_writer import COLUMNS
from encoders.muvcog.graph import TYPES, SessionGraphs


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
        width = values.shape[1]
        fill = (0, -width % COLUMNS)  # columns of zeros stay zeros and change nothing
        tensors = (left, right, F.pad(values, fill), F.pad(weigh, fill), bias)
        ctx.state = (
            *(tensor.detach().contiguous().numpy() for tensor in tensors),
            graphs.node_source.numpy(),
            blocks,
            *Neighbourhoods.of(graphs, blocks),
        )
        ctx.width, kind = width, ctx.state[2].dtype
        means = np.zeros((len(graphs.batch), TYPES, width + fill[1]), dtype=kind)
        scores = np.zeros(means.shape[:2], dtype=kind)
        forward(*ctx.state, means, scores)
        return torch.from_numpy(means)[..., :width], torch.from_numpy(scores)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        means = F.pad(grads[0], (0, ctx.state[2].shape[1] - ctx.width)).contiguous()
        found = backward(*ctx.state, means.numpy(), grads[1].contiguous().numpy())
        left, right, values, weigh, bias = (torch.from_numpy(gradient) for gradient in found)
        return left, right, values[:, : ctx.width], weigh[: ctx.width], bias, None, None
