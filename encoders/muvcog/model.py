"""MUVCOG: a session as a heterogeneous graph in two views, pretrained by contrasting them.

Paper: "Pretraining Representations of Multi-modal Multi-query E-commerce Search", KDD 2022
(https://doi.org/10.1145/3534678.3539200). Released code: https://github.com/XMUDM/MMsession, which differs from the
paper in places; we follow the paper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.features import Dims
from bench.plugins.options import read_options
from bench.training.context import TrainingContext
from bench.training.pretraining import pretrain
from bench.training.ranks import ALONE, Share
from encoders.muvcog.contrast import contrast_loss, hard_negatives, mask_one_step, random_negatives
from encoders.muvcog.discriminators import Discriminator, build_discriminator
from encoders.muvcog.graph import SessionGraphs
from encoders.muvcog.objective import ContrastObjective
from encoders.muvcog.steps_of import OwnSteps, StrangersSteps
from encoders.muvcog.views import build_view, glorot
from encoders.muvcog.views.sources import SourceVectors
from encoders.options import MuvcogOptions


class Muvcog(SessionEncoder):
    """The views of a session side by side, ``output_dim = view_dim`` for each.

    They are pretrained by discriminating between the session's own masked version and another session (section 3.4),
    with one discriminator for each view of the anchor.

    Args:
        dims: widths of word and image vectors.
        given: see :class:`encoders.options.MuvcogOptions`.
    """

    def __init__(self, dims: Dims, **given: Any) -> None:
        super().__init__(dims)
        self.options = read_options(MuvcogOptions, given, "muvcog")
        names, width = self.options.views.split("+"), self.options.view_dim
        self.output_dim = len(names) * width
        self.discriminators = nn.ModuleList(build_discriminator(self.options) for _ in names)
        self.sources = SourceVectors(dims)
        self.encoders = nn.ModuleDict({name: build_view(name, dims.words, self.options) for name in names})
        for part in (self.sources, *self.encoders.values()):
            glorot(part)

    def views(self, batch: SessionBatch) -> tuple[Tensor, ...]:
        """The session vectors of each view, (B, view_dim) each."""
        graphs = SessionGraphs.of(batch if self.options.images == "nodes" else batch.text_only())
        sources = self.sources(graphs)  # (u, dims.words)
        return tuple(encoder(graphs, sources) for encoder in self.encoders.values())

    def forward(self, batch: SessionBatch) -> Tensor:
        """(B, output_dim)."""
        return torch.cat(self.views(batch), dim=1)

    def pretrain(self, context: TrainingContext) -> None:
        """Contrasts each training session with itself, one random step masked, and with a negative from its batch."""
        sessions = StrangersSteps(context) if self.options.steps_of == "strangers" else OwnSteps(context)
        pretrain(self, ContrastObjective(self, sessions, context), self.options, context)

    def loss(
        self,
        anchors: SessionBatch,
        barred: Tensor,
        draws: torch.Generator,
        hard: bool = True,
        seen: Callable[[Tensor, Tensor], None] | None = None,
        share: Share | None = None,
    ) -> Tensor:
        """The negative of equation 9, mean over the b anchors; of a share, its term of the mean over all B sessions.

        Args:
            anchors: b sessions.
            barred: (b, B) bool, which members of the batch may not be an anchor's negative.
            draws: decides which steps are masked.
            hard: take the hardest negatives, else random ones.
            seen: told the negatives (b,) of each direction, and (b,) bool which anchors have one.
            share: that the anchors are of the batch; None where they are all of it, and b is B.
        """
        share = share or ALONE.share(len(anchors))
        loss = barred.new_zeros((), dtype=torch.float32)
        for discriminator, anchor, positive, whole in self._directions(anchors, draws, share):
            candidate = share.gathered(positive if self.options.mask_negatives else whole)  # (B, d)
            if hard:
                negative, exists = hard_negatives(discriminator.all_pairs(anchor, candidate), barred)
            else:
                negative, exists = random_negatives(barred, draws, share)
            if seen is not None:
                seen(negative, exists)
            loss = loss + contrast_loss(
                discriminator(anchor, positive), discriminator(anchor, candidate[negative]), exists
            )
        return share.part(loss)

    def accuracy(self, anchors: SessionBatch, draws: torch.Generator, share: Share | None = None) -> float:
        """Accuracy of finding an anchor's own positive among those of all anchors, mean of all directions; of a share,
        its term of the accuracy over all B sessions.

        All candidates are masked sessions, so that telling masked ones from whole ones, which lowers the loss, is worth
        nothing here.
        """
        share = share or ALONE.share(len(anchors))
        own = torch.arange(share.start, share.stop, device=anchors.device)
        accuracies = [
            share.part((discriminator.all_pairs(anchor, share.gathered(positive)).argmax(1) == own).double().mean())
            for discriminator, anchor, positive, _ in self._directions(anchors, draws, share)
        ]
        return sum(map(float, accuracies)) / len(accuracies)

    def _directions(
        self, anchors: SessionBatch, draws: torch.Generator, share: Share | None = None
    ) -> Iterator[tuple[Discriminator, Tensor, Tensor, Tensor]]:
        """For each term of equation 9: discriminator, anchors in one view, positives and anchors in the other."""
        views = self.views(SessionBatch.cat([anchors, mask_one_step(anchors, draws, share)]))  # (2b, d) each
        size = len(anchors)
        for number, discriminator in enumerate(self.discriminators):
            assert isinstance(discriminator, Discriminator)
            other = views[(number + 1) % len(views) if self.options.contrast == "across" else number]
            yield discriminator, views[number][:size], other[size:], other[:size]


class Untrained(Muvcog):
    """The control that the paper lacks: MUVCOG-M with its initial weights, frozen. Its options are those of the views,
    :class:`encoders.options.GraphOptions`.
    """

    def pretrain(self, context: TrainingContext) -> None:
        """Nothing: the initial weights are the point."""
