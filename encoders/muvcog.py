"""MUVCOG: a session as a heterogeneous graph in two views, pretrained by contrasting them.

Paper: "Pretraining Representations of Multi-modal Multi-query E-commerce Search", KDD 2022
(https://doi.org/10.1145/3534678.3539200). Released code: https://github.com/XMUDM/MMsession, which differs from the paper in
places; we follow the paper.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.features import Dims
from bench.errors import BenchError
from bench.training.context import TrainingContext
from bench.training.pretraining import PretrainingConfig, pretrain
from encoders.agv import AttentiveGlobalView
from encoders.contrast import Discriminator, contrast_loss, hard_negatives, random_negatives, shared_clicks
from encoders.graph import IQ, SessionGraphs
from encoders.hlv import HierarchicalLocalView

CHANCE_LOSS = 4 * math.log(2)
"""Loss of a discriminator that says 0.5 to everything: four terms of log 2."""


class MuvcogM(SessionEncoder):
    """Both views concatenated, ``output_dim = 2 * view_dim``.

    Args:
        dims: widths of word and image vectors.
        view_dim: width of one view.
        beta: ``mean`` or ``sum`` over nodes in equation 4.
        contrast: ``across`` views as in equation 9, or ``within`` each view as in the released code.
        negatives: ``hard``, or ``random`` for Figure 5.
        pretraining: see :class:`bench.training.pretraining.PretrainingConfig`.
    """

    uses_images = True

    def __init__(
        self,
        dims: Dims,
        view_dim: int = 32,
        beta: str = "mean",
        contrast: str = "across",
        negatives: str = "hard",
        **pretraining: Any,
    ) -> None:
        super().__init__(dims)
        _one_of("beta", beta, ("mean", "sum"))
        _one_of("contrast", contrast, ("across", "within"))
        _one_of("negatives", negatives, ("hard", "random"))
        self.output_dim = 2 * view_dim
        self.contrast, self.negatives = contrast, negatives
        self.config = PretrainingConfig.of(pretraining)
        self.project_image = nn.Linear(dims.images, dims.words)  # W^e, b of section 3.2
        self.agv = AttentiveGlobalView(dims.words, view_dim, beta)
        self.hlv = HierarchicalLocalView(dims.words, view_dim)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)
        self.from_agv, self.from_hlv = Discriminator(view_dim), Discriminator(view_dim)

    def views(self, batch: SessionBatch) -> tuple[Tensor, Tensor]:
        """The two session vectors, AGV and HLV, (B, view_dim) each."""
        graphs = SessionGraphs.of(batch if self.uses_images else batch.text_only())
        nodes = self._nodes(graphs)
        return self.agv(graphs, nodes), self.hlv(graphs, nodes)

    def forward(self, batch: SessionBatch) -> Tensor:
        """(B, 2 * view_dim)."""
        return torch.cat(self.views(batch), dim=1)

    def _nodes(self, graphs: SessionGraphs) -> Tensor:
        """(n, dims.words) node vectors: the word's vector, or the image's, projected into the space of words."""
        features = graphs.batch.features
        is_image = graphs.node_type == IQ
        words = features.words(graphs.node_source.masked_fill(is_image, 0)).to(self.project_image.weight.dtype)
        images = F.elu(self.project_image(features.images(graphs.image_rows).to(words.dtype)))  # v = σ(W^e ṽ + b)
        place = torch.nonzero(is_image).squeeze(1)
        return words.index_copy(0, place, images.index_select(0, graphs.node_source[place]))

    def pretrain(self, context: TrainingContext) -> None:
        """Contrasts each training session with itself, one random step masked, and with a negative from its batch."""

        def loss_of(rows: NDArray[np.int64], draws: torch.Generator) -> Tensor:
            items, owner = context.clicks.of_sessions(rows)
            barred = shared_clicks(torch.from_numpy(items.astype(np.int64)), torch.from_numpy(owner), len(rows))
            return self.loss(context.sessions(rows), barred.to(context.device), draws)

        pretrain(self, loss_of, self.config, context, CHANCE_LOSS)

    def loss(self, anchors: SessionBatch, barred: Tensor, draws: torch.Generator) -> Tensor:
        """The negative of equation 9, mean over the B anchors.

        Args:
            anchors: B sessions.
            barred: (B, B) bool, which members may not be an anchor's negative.
            draws: decides which steps are masked.
        """
        size = len(anchors)
        positives = mask_one_step(anchors, draws)
        agv, hlv = self.views(SessionBatch.cat([anchors, positives]))  # (2B, d) each
        anchor, positive = (agv[:size], hlv[:size]), (agv[size:], hlv[size:])
        loss = agv.new_zeros(())
        for view, discriminator in ((0, self.from_agv), (1, self.from_hlv)):
            other = 1 - view if self.contrast == "across" else view
            if self.negatives == "hard":
                scores = discriminator.all_pairs(anchor[view], anchor[other])
                negative, exists = hard_negatives(scores, barred)
            else:
                negative, exists = random_negatives(barred, draws)
            loss = loss + contrast_loss(
                discriminator(anchor[view], positive[other]),
                discriminator(anchor[view], anchor[other][negative]),
                exists,
            )
        return loss


class MuvcogT(MuvcogM):
    """MUVCOG on the textual queries alone: image queries are removed in pretraining and afterwards."""

    uses_images = False


class Untrained(MuvcogM):
    """The control that the paper lacks: MUVCOG-M with its initial weights, frozen."""

    def pretrain(self, context: TrainingContext) -> None:
        """Nothing: the initial weights are the point."""


def mask_one_step(batch: SessionBatch, draws: torch.Generator) -> SessionBatch:
    """The positives: every session without one random step, its words and its image. Sessions of one step stay whole."""
    steps = batch.num_steps
    drawn = (torch.rand(len(batch), generator=draws).to(batch.device) * steps).long()
    drawn = torch.minimum(drawn, steps - 1)
    maskable = steps > 1
    masked = torch.zeros(len(batch.step_kind), dtype=torch.bool, device=batch.device)
    masked[(batch.first_step + drawn)[maskable]] = True
    return batch.without_steps(masked)


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise BenchError(f"{value!r} is not one of {', '.join(allowed)}", where=f"option {option}")
