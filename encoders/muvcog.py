"""MUVCOG: a session as a heterogeneous graph in two views, pretrained by contrasting them.

Paper: "Pretraining Representations of Multi-modal Multi-query E-commerce Search", KDD 2022
(https://doi.org/10.1145/3534678.3539200). Released code: https://github.com/XMUDM/MMsession, which differs from the
paper in places; we follow the paper.
"""

from __future__ import annotations

from collections.abc import Iterator
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


class MuvcogM(SessionEncoder):
    """Both views concatenated, ``output_dim = 2 * view_dim``.

    Args:
        dims: widths of word and image vectors.
        view_dim: width of one view.
        beta: ``mean`` or ``sum`` over nodes in equation 4.
        contrast: ``across`` views as in equation 9, or ``within`` each view as in the released code.
        negatives: ``hard``, or ``random`` for Figure 5.
        hard_after: steps of random negatives before the hard ones. A discriminator that knows nothing yet picks its
            hardest negatives blindly, and stays at chance; 0 is the letter of the paper.
        mask_negatives: negatives too lose a random step. By the letter of the paper (false) positives are masked and
            negatives are whole, so that the loss falls for telling masked sessions from whole ones, comparing nothing.
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
        hard_after: int = 300,
        mask_negatives: bool = True,
        **pretraining: Any,
    ) -> None:
        super().__init__(dims)
        _one_of("beta", beta, ("mean", "sum"))
        _one_of("contrast", contrast, ("across", "within"))
        _one_of("negatives", negatives, ("hard", "random"))
        self.output_dim = 2 * view_dim
        self.contrast, self.negatives = contrast, negatives
        self.hard_after, self.mask_negatives = hard_after, mask_negatives
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
        pretrain(self, _Contrast(self, context), self.config, context)

    def loss(self, anchors: SessionBatch, barred: Tensor, draws: torch.Generator, hard: bool = True) -> Tensor:
        """The negative of equation 9, mean over the B anchors.

        Args:
            anchors: B sessions.
            barred: (B, B) bool, which members may not be an anchor's negative.
            draws: decides which steps are masked.
            hard: take the hardest negatives, else random ones.
        """
        loss = barred.new_zeros((), dtype=torch.float32)
        for discriminator, anchor, positive, whole in self._directions(anchors, draws):
            candidate = positive if self.mask_negatives else whole
            if hard:
                negative, exists = hard_negatives(discriminator.all_pairs(anchor, candidate), barred)
            else:
                negative, exists = random_negatives(barred, draws)
            loss = loss + contrast_loss(
                discriminator(anchor, positive), discriminator(anchor, candidate[negative]), exists
            )
        return loss

    def accuracy(self, anchors: SessionBatch, draws: torch.Generator) -> float:
        """Share of anchors that score their own positive above every other anchor's, mean of both directions.

        All candidates are masked sessions, so that telling masked ones from whole ones, which lowers the loss, is worth
        nothing here.
        """
        own = torch.arange(len(anchors), device=anchors.device)
        found = [
            float((discriminator.all_pairs(anchor, positive).argmax(1) == own).double().mean())
            for discriminator, anchor, positive, _ in self._directions(anchors, draws)
        ]
        return sum(found) / len(found)

    def _directions(
        self, anchors: SessionBatch, draws: torch.Generator
    ) -> Iterator[tuple[Discriminator, Tensor, Tensor, Tensor]]:
        """For both terms of equation 9: discriminator, anchors in one view, positives and anchors in the other."""
        agv, hlv = self.views(SessionBatch.cat([anchors, mask_one_step(anchors, draws)]))  # (2B, d) each
        size, across = len(anchors), self.contrast == "across"
        for discriminator, view, other in ((self.from_agv, agv, hlv), (self.from_hlv, hlv, agv)):
            compared = other if across else view
            yield discriminator, view[:size], compared[size:], compared[:size]


class MuvcogT(MuvcogM):
    """MUVCOG on the textual queries alone: image queries are removed in pretraining and afterwards."""

    uses_images = False


class Untrained(MuvcogM):
    """The control that the paper lacks: MUVCOG-M with its initial weights, frozen."""

    def pretrain(self, context: TrainingContext) -> None:
        """Nothing: the initial weights are the point."""


class _Contrast:
    """The objective on a corpus: sessions by row, clicks for the negatives."""

    def __init__(self, encoder: MuvcogM, context: TrainingContext) -> None:
        self._encoder, self._context = encoder, context

    def loss(self, rows: NDArray[np.int64], step: int, draws: torch.Generator) -> Tensor:
        """See :class:`bench.training.pretraining.Objective`."""
        items, owner = self._context.clicks.of_sessions(rows)
        barred = shared_clicks(torch.from_numpy(items.astype(np.int64)), torch.from_numpy(owner), len(rows))
        hard = self._encoder.negatives == "hard" and step > self._encoder.hard_after
        return self._encoder.loss(self._context.sessions(rows), barred.to(self._context.device), draws, hard)

    def accuracy(self, rows: NDArray[np.int64], draws: torch.Generator) -> float:
        """See :class:`bench.training.pretraining.Objective`."""
        return self._encoder.accuracy(self._context.sessions(rows), draws)


def mask_one_step(batch: SessionBatch, draws: torch.Generator) -> SessionBatch:
    """The positives: every session without one random step, its words and image. Sessions of one step stay whole."""
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
