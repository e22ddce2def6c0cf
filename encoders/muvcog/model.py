"""MUVCOG: a session as a heterogeneous graph in two views, pretrained by contrasting them.

Paper: "Pretraining Representations of Multi-modal Multi-query E-commerce Search", KDD 2022
(https://doi.org/10.1145/3534678.3539200). Released code: https://github.com/XMUDM/MMsession, which differs from the
paper in places; we follow the paper.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from bench.data.features import Dims
from bench.training.context import TrainingContext
from encoders.muvcog.agv import AttentiveGlobalView
from encoders.muvcog.contrasted import ContrastedEncoder, glorot, one_of
from encoders.muvcog.graph import SessionGraphs
from encoders.muvcog.hlv import HierarchicalLocalView
from encoders.muvcog.nodes import SourceVectors


class MuvcogM(ContrastedEncoder):
    """Both views concatenated, AGV and HLV, ``output_dim = 2 * view_dim``.

    Args:
        dims: widths of word and image vectors.
        view_dim: width of one view.
        beta: ``mean`` or ``sum`` over nodes in equation 4.
        contrast: see :class:`encoders.muvcog.contrasted.ContrastedEncoder`, and for all other options.
    """

    def __init__(self, dims: Dims, view_dim: int = 32, beta: str = "mean", **contrast: Any) -> None:
        super().__init__(dims, 2, view_dim, **contrast)
        one_of("beta", beta, ("mean", "sum"))
        self.sources = SourceVectors(dims)
        self.agv = AttentiveGlobalView(dims.words, view_dim, beta)
        self.hlv = HierarchicalLocalView(dims.words, view_dim)
        for part in (self.sources, self.agv, self.hlv):
            glorot(part)

    def views_of(self, graphs: SessionGraphs) -> tuple[Tensor, ...]:
        """The two session vectors, AGV and HLV, (B, view_dim) each."""
        sources = self.sources(graphs)
        return self.agv(graphs, sources), self.hlv(graphs, sources)


class MuvcogT(MuvcogM):
    """MUVCOG on the textual queries alone: image queries are removed in pretraining and afterwards."""

    uses_images = False


class Untrained(MuvcogM):
    """The control that the paper lacks: MUVCOG-M with its initial weights, frozen."""

    def pretrain(self, context: TrainingContext) -> None:
        """Nothing: the initial weights are the point."""
