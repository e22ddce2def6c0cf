"""The attentive global view of MUVCOG (KDD 2022, section 3.2, equations 1 to 5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from encoders.kernels import typed_means
from encoders.muvcog.graph import SessionGraphs


class AttentiveGlobalView(nn.Module):
    r"""Attention over neighbours of one type, then over types, then the mean over all nodes.

    .. math::
        v_i^p &= \sigma\Big(\sum_{j \in N_i, \phi(j) = p} \alpha_{ij}^p v_j\Big) \qquad (1)

        \alpha_{ij}^p &= \mathrm{softmax}_j\, \mathrm{LeakyReLU}(W^a [v_i, v_j]) \qquad (2)

        z_i &= \sum_p \beta^p v_i^p \qquad (3)

        \beta^p &= \mathrm{softmax}_p\, \mathrm{Avg}_i\, \sigma(W^g v_i^p + b^g) \qquad (4)

        g_s &= \mathrm{Avg}(z_i \mid i \in s) \qquad (5)

    :math:`N_i` holds i itself, the nodes of its steps and those of the steps before; σ is ELU. β is per session, and
    its sum over nodes is a mean by default, since the sum saturates the softmax as sessions grow; ``beta="sum"`` is the
    letter. Since (3) and (5) are linear, :math:`g_s = \sum_p \beta^p \mathrm{Avg}_i v_i^p`.

    Args:
        width: of the vectors that come in; a shared matrix projects them to ``output_dim`` before the attention.
        output_dim: of the session vector.
        beta: ``mean`` or ``sum`` in equation 4.
    """

    def __init__(self, width: int, output_dim: int = 32, beta: str = "mean") -> None:
        super().__init__()
        self.output_dim, self.beta = output_dim, beta
        self.project = nn.Linear(width, output_dim, bias=False)
        self.attend = nn.Linear(2 * output_dim, 1, bias=False)  # W^a, whole: Glorot's bound is that of 2d inputs
        self.score = nn.Linear(output_dim, 1)  # W^g, b^g

    def forward(self, graphs: SessionGraphs, sources: Tensor) -> Tensor:
        """Session vectors.

        Args:
            graphs: the graphs of B sessions.
            sources: (u, width) vectors of what their nodes show.

        Returns:
            (B, output_dim), zero for a session without nodes.
        """
        values = self.project(sources).to(sources.dtype)  # (u, d)
        receive, send = self.attend.weight[0].chunk(2)  # (d,) each: W^a [v_i, v_j] = receive v_i + send v_j
        left, right = (values @ receive).to(values.dtype), (values @ send).to(values.dtype)  # (u,) each
        mean, scores = typed_means(graphs.layout(), left, right, values, self.score.weight[0], self.score.bias)
        count = graphs.num_nodes.clamp(min=1).unsqueeze(1)  # (B, 1)
        share = torch.softmax(scores if self.beta == "sum" else scores / count, dim=1)  # (B, P) eq. 4
        return (share.unsqueeze(2) * mean).sum(1)  # (B, d) eq. 3 and 5
