"""The Hierarchical Local View of MUVCOG (KDD 2022, section 3.3, equations 6 to 8)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from encoders.elu import elu
from encoders.graph import SessionGraphs


class HierarchicalLocalView(nn.Module):
    r"""First words and images to their step (VQ), then steps along the session.

    .. math::
        h_q &= \sum_{j \in q} \sigma\big(\tfrac{1}{\sqrt{d_j d_q}} W^c h_j\big), \quad h_j = W^b v_j \qquad (6)

        z_q &= \sum_{q' \in \{q - 1,\, q\}} \sigma\big(\tfrac{1}{\sqrt{d_{q'} d_q}} W^d h_{q'}\big) \qquad (7)

        g_s &= \mathrm{Avg}(z_q \mid q \in s) \qquad (8)

    :math:`d_j` is the number of steps that hold node j, :math:`d_q` the number of members of step q, σ is ELU. The
    receptive field of (7) holds the step itself, else the first step would be zero.

    Args:
        width: of the vectors that come in.
        output_dim: of the session vector.
    """

    def __init__(self, width: int, output_dim: int = 32) -> None:
        super().__init__()
        self.output_dim = output_dim
        self.transform = nn.Linear(width, output_dim, bias=False)  # W^b
        self.intra = nn.Linear(output_dim, output_dim, bias=False)  # W^c
        self.inter = nn.Linear(output_dim, output_dim, bias=False)  # W^d

    def forward(self, graphs: SessionGraphs, sources: Tensor) -> Tensor:
        """Session vectors.

        Args:
            graphs: the graphs of B sessions.
            sources: (u, width) vectors of what their nodes show.

        Returns:
            (B, output_dim), zero for a session without steps.
        """
        batch, node, step = graphs.batch, graphs.member_node, graphs.member_step
        steps = len(batch.step_kind)
        held = torch.bincount(node, minlength=len(graphs.node_source)).to(sources.dtype)  # (n,) d_j
        members = torch.bincount(step, minlength=steps).to(sources.dtype)  # (T,) d_q
        scale_node, scale_step = held.rsqrt(), members.clamp(min=1).rsqrt()

        sent = self.intra(self.transform(sources)).to(sources.dtype)  # (u, d)
        scale = (scale_node[node] * scale_step[step]).unsqueeze(1)
        messages = elu(sent.index_select(0, graphs.node_source[node]) * scale)  # (e, d)
        local = messages.new_zeros(steps, self.output_dim).index_add_(0, step, messages)  # (T, d) eq. 6

        sent = self.inter(local).to(sources.dtype) * scale_step.unsqueeze(1)  # (T, d)
        own = elu(sent * scale_step.unsqueeze(1))
        follows = batch.step_session[1:] == batch.step_session[:-1]  # (T - 1,) step t + 1 follows step t
        before = elu(sent[:-1] * scale_step[1:].unsqueeze(1)) * follows.unsqueeze(1)
        hidden = own + F.pad(before, (0, 0, 1, 0))  # (T, d) eq. 7

        sums = hidden.new_zeros(len(batch), self.output_dim).index_add_(0, batch.step_session, hidden)
        return sums / batch.num_steps.clamp(min=1).unsqueeze(1)  # (B, d) eq. 8
