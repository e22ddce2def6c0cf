"""Graph attention on the session as a homogeneous graph: PyTorch Geometric's GATConv, with a faster kernel on CPUs."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from bench.errors import BenchError
from encoders.kernels import LEAKY_SLOPE, typed_means
from encoders.muvcog.edges import neighbour_edges
from encoders.muvcog.graph import SessionGraphs


class HomogeneousAttention(nn.Module):
    r"""One head of graph attention, then the mean over the nodes of a session.

    .. math::
        h_i = \sigma\Big(\sum_{j \in N_i} \alpha_{ij} W v_j\Big), \qquad
        \alpha_{ij} = \mathrm{softmax}_j\, \mathrm{LeakyReLU}(a^\top [W v_i, W v_j]), \qquad g_s = \mathrm{Avg}(h_i)

    :math:`N_i` as in the global view, types apart; σ is ELU. Weights and meaning are those of
    ``torch_geometric.nn.GATConv``, which computes it on every device but the CPU; there the compiled loops of the
    global view do (results/speed has the ratio).

    Args:
        width: of the vectors that come in.
        output_dim: of the session vector.
    """

    def __init__(self, width: int, output_dim: int = 32) -> None:
        super().__init__()
        self.output_dim = output_dim
        self.conv: Any = _gat_conv()(
            width, output_dim, heads=1, negative_slope=LEAKY_SLOPE, add_self_loops=False, bias=False
        )

    def forward(self, graphs: SessionGraphs, sources: Tensor) -> Tensor:
        """(B, output_dim) session vectors from (u, width) vectors of what nodes show; zero for one without nodes."""
        if sources.device.type != "cpu":
            return self.by_edges(graphs, sources)
        values = self.conv.lin(sources).to(sources.dtype)  # (u, d)
        left, right = (
            (values @ part[0, 0]).to(values.dtype) for part in (self.conv.att_dst, self.conv.att_src)
        )  # (u,)
        unused = values.new_zeros(self.output_dim)  # weights of scores that are not read
        means, _ = typed_means(graphs.layout(typed=False), left, right, values, unused, unused[:1])
        return means[:, 0]

    def by_edges(self, graphs: SessionGraphs, sources: Tensor) -> Tensor:
        """The same through listed edges."""
        hidden = F.elu(self.conv(sources[graphs.node_source], neighbour_edges(graphs)))  # (n, d)
        sums = hidden.new_zeros(len(graphs.batch), self.output_dim).index_add(0, graphs.node_session, hidden)
        return sums / graphs.num_nodes.clamp(min=1).unsqueeze(1)


def _gat_conv() -> Any:
    """GATConv, imported where it is used: it takes seconds, more than torch itself."""
    try:
        from torch_geometric.nn import GATConv
    except ImportError:
        raise BenchError("gat needs torch-geometric", where="gat", fix="pip install torch-geometric") from None
    return GATConv
