"""The views of a session graph: each turns the graphs of B sessions, and the vectors of what their nodes show, into one
vector a session.
"""

from __future__ import annotations

from torch import nn

from encoders.muvcog.views.agv import AttentiveGlobalView
from encoders.muvcog.views.gat import HomogeneousAttention
from encoders.muvcog.views.hlv import HierarchicalLocalView
from encoders.options import GraphOptions


def build_view(name: str, width: int, options: GraphOptions) -> nn.Module:
    """The view of this name: ``agv``, ``hlv`` or ``gat``.

    Args:
        name: see above.
        width: of the vectors that come in.
        options: width and form of the view.
    """
    if name == "agv":
        return AttentiveGlobalView(width, options.view_dim, options.beta)
    return {"hlv": HierarchicalLocalView, "gat": HomogeneousAttention}[name](width, options.view_dim)


def glorot(module: nn.Module) -> None:
    """Glorot initialisation of all matrices and zeros for all biases (section 4.1)."""
    for parameter in module.parameters():
        if parameter.dim() > 1:
            nn.init.xavier_uniform_(parameter)
        else:
            nn.init.zeros_(parameter)
