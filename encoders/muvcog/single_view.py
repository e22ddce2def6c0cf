"""One view of the session graph alone, contrasted within itself: what Figure 4 of the paper compares MUVCOG with."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from bench.data.features import Dims
from encoders.muvcog.agv import AttentiveGlobalView
from encoders.muvcog.contrasted import ContrastedEncoder, glorot, one_of
from encoders.muvcog.gat import HomogeneousAttention
from encoders.muvcog.graph import SessionGraphs
from encoders.muvcog.hlv import HierarchicalLocalView
from encoders.muvcog.nodes import SourceVectors


class Agv(ContrastedEncoder):
    """The attentive global view alone (section 3.2), ``output_dim = view_dim``.

    Args:
        dims: widths of word and image vectors.
        view_dim: width of the view.
        beta: ``mean`` or ``sum`` over nodes in equation 4.
        contrast: see :class:`encoders.muvcog.contrasted.ContrastedEncoder`.
    """

    def __init__(self, dims: Dims, view_dim: int = 32, beta: str = "mean", **contrast: Any) -> None:
        super().__init__(dims, 1, view_dim, **contrast)
        one_of("beta", beta, ("mean", "sum"))
        self.sources, self.agv = SourceVectors(dims), AttentiveGlobalView(dims.words, view_dim, beta)
        glorot(self.sources)
        glorot(self.agv)

    def views_of(self, graphs: SessionGraphs) -> tuple[Tensor, ...]:
        """(B, view_dim)."""
        return (self.agv(graphs, self.sources(graphs)),)


class Hlv(ContrastedEncoder):
    """The hierarchical local view alone (section 3.3), ``output_dim = view_dim``.

    Args:
        dims: widths of word and image vectors.
        view_dim: width of the view.
        contrast: see :class:`encoders.muvcog.contrasted.ContrastedEncoder`.
    """

    def __init__(self, dims: Dims, view_dim: int = 32, **contrast: Any) -> None:
        super().__init__(dims, 1, view_dim, **contrast)
        self.sources, self.hlv = SourceVectors(dims), HierarchicalLocalView(dims.words, view_dim)
        glorot(self.sources)
        glorot(self.hlv)

    def views_of(self, graphs: SessionGraphs) -> tuple[Tensor, ...]:
        """(B, view_dim)."""
        return (self.hlv(graphs, self.sources(graphs)),)


class Gat(ContrastedEncoder):
    """The session as a homogeneous graph under one graph attention layer, then the mean over its nodes.

    Nodes and edges are those of the global view, without their types; nothing tells a keyword from an image but its
    vector. Veličković et al., Graph Attention Networks, ICLR 2018.

    Args:
        dims: widths of word and image vectors.
        view_dim: width of the view.
        contrast: see :class:`encoders.muvcog.contrasted.ContrastedEncoder`.
    """

    def __init__(self, dims: Dims, view_dim: int = 32, **contrast: Any) -> None:
        super().__init__(dims, 1, view_dim, **contrast)
        self.sources, self.attention = SourceVectors(dims), HomogeneousAttention(dims.words, view_dim)
        glorot(self.sources)
        glorot(self.attention)

    def views_of(self, graphs: SessionGraphs) -> tuple[Tensor, ...]:
        """(B, view_dim)."""
        return (self.attention(graphs, self.sources(graphs)),)
