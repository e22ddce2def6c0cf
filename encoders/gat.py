"""Graph attention on the session as a homogeneous graph: PyTorch Geometric's GATConv, with a faster kernel on CPUs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from encoders.attention_kernel import SLOPE, NeighbourAttention, step_bits
from encoders.edges import neighbour_edges
from encoders.graph import TYPES, SessionGraphs


class HomogeneousAttention(nn.Module):
    r"""One head of graph attention, then the mean over the nodes of a session.

    .. math::
        h_i = \sigma\Big(\sum_{j \in N_i} \alpha_{ij} W v_j\Big), \qquad
        \alpha_{ij} = \mathrm{softmax}_j\, \mathrm{LeakyReLU}(a^\top [W v_i, W v_j]), \qquad g_s = \mathrm{Avg}(h_i)

    :math:`N_i` as in the global view, types apart; σ is ELU. Weights and meaning are those of
    ``torch_geometric.nn.GATConv``, which computes it on every device but the CPU; there the compiled loops of the
    global view do (results/speed has the ratio).

    Args:
        width: of the node vectors that come in.
        output_dim: of the session vector.
    """

    def __init__(self, width: int, output_dim: int = 32) -> None:
        super().__init__()
        from torch_geometric.nn import GATConv  # a second to import, so only where it is used

        self.output_dim = output_dim
        self.conv = GATConv(width, output_dim, heads=1, negative_slope=SLOPE, add_self_loops=False, bias=False)

    def forward(self, graphs: SessionGraphs, nodes: Tensor) -> Tensor:
        """(B, output_dim) session vectors from node vectors (n, width), zero for a session without nodes."""
        hidden = F.elu(self.attend(graphs, nodes))  # (n, d)
        sums = hidden.new_zeros(len(graphs.batch), self.output_dim).index_add(0, graphs.node_session, hidden)
        return sums / graphs.num_nodes.clamp(min=1).unsqueeze(1)

    def attend(self, graphs: SessionGraphs, nodes: Tensor) -> Tensor:
        """(n, output_dim) attended node vectors."""
        if nodes.device.type != "cpu":
            return self.conv(nodes, neighbour_edges(graphs))
        values = self.conv.lin(nodes).to(nodes.dtype)  # (n, d)
        left, right = values @ self.conv.att_dst[0, 0], values @ self.conv.att_src[0, 0]  # (n,) each
        # all nodes of a session as its first type, the two others empty
        first, last = graphs.blocks[:-1:TYPES], graphs.blocks[TYPES::TYPES]
        blocks = torch.stack([first, last, last], dim=1).flatten()
        blocks = torch.cat([blocks, graphs.blocks[-1:]])
        return NeighbourAttention.apply(left, right, values, blocks.numpy(), step_bits(graphs))[:, 0]
