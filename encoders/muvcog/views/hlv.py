"""The hierarchical local view of MUVCOG (KDD 2022, section 3.3, equations 6 to 8)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from encoders.kernels import elu_sums
from encoders.muvcog.graph import SessionGraphs


class HierarchicalLocalView(nn.Module):
    r"""First words and images to their step (VQ), then steps along the session.

    .. math::
        h_q &= \sum_{j \in q} \sigma\big(\tfrac{1}{\sqrt{d_j d_q}} W^c h_j\big), \quad h_j = W^b v_j \qquad (6)

        z_q &= \sum_{q' \in \{q - 1,\, q\}} \sigma\big(\tfrac{1}{\sqrt{d^+_{q'} d^-_q}} W^d h_{q'}\big) \qquad (7)

        g_s &= \mathrm{Avg}(z_q \mid q \in s) \qquad (8)

    σ is ELU. The degrees of (6) are those of the edges between members and steps: :math:`d_j` is the number of steps
    that hold node j, :math:`d_q` the number of members of step q. The degrees of (7) are those of its own edges, from a
    step to the next and to itself, as in GCN and in the released GraphConv: :math:`d^+_{q'}`, the edges that leave q',
    is 1 for a session's last step and 2 for the others, :math:`d^-_q`, the edges that reach q, is 1 for the first step
    and 2 for the others. Without the edge to itself the first step would be zero.

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

        both = self.intra.weight @ self.transform.weight  # (d, width), W^c W^b: sources are many more than columns
        sent = F.linear(sources, both).to(sources.dtype)  # (u, d)
        scale = (held[node] * members[step]).rsqrt()  # (e,)
        local = elu_sums(sent, graphs.node_source[node], scale, step, steps)  # (T, d) eq. 6

        sent, session = self.inter(local).to(sources.dtype), batch.step_session  # (T, d)
        later = torch.nonzero(session[1:] == session[:-1]).squeeze(1) + 1  # steps that follow another
        sender = torch.cat([torch.arange(steps, device=later.device), later - 1])
        receiver = torch.cat([torch.arange(steps, device=later.device), later])
        leaving = torch.bincount(sender, minlength=steps).to(sources.dtype)  # (T,) d⁺, 1 or 2
        reaching = torch.bincount(receiver, minlength=steps).to(sources.dtype)  # (T,) d⁻, 1 or 2
        scale = (leaving[sender] * reaching[receiver]).rsqrt()  # (r,)
        sums = elu_sums(sent, sender, scale, session[receiver], len(batch))  # (B, d) eq. 7, summed as eq. 8 does
        return sums / batch.num_steps.clamp(min=1).unsqueeze(1)  # (B, d) eq. 8
