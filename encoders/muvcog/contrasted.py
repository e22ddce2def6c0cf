"""Pretraining by contrast (KDD 2022, section 3.4), for any encoder that has one or more views of a session."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.features import Dims
from bench.errors import BenchError, did_you_mean
from bench.training.context import TrainingContext
from bench.training.pretraining import Moment, PretrainingConfig, pretrain
from encoders.muvcog.contrast import Discriminator, contrast_loss, hard_negatives, random_negatives, shared_clicks
from encoders.muvcog.graph import SessionGraphs


class ContrastedEncoder(SessionEncoder):
    """A session's views side by side, pretrained by telling the session's own masked version from another's.

    Each view of an anchor is compared with the next view of positive and negative (``across``, equation 9), or with
    the same (``within``, as in the released code); with one view both are the same. One MLP per direction.

    Args:
        dims: widths of word and image vectors.
        views: how many there are.
        view_dim: width of each.
        contrast: ``across`` or ``within``.
        negatives: ``hard``, or ``random`` for Figure 5.
        hard_at: held-out accuracy from which on negatives are hard, random ones until then and whenever it falls
            below. A discriminator that knows nothing yet picks its hardest negatives blindly, and stays at chance; 0 is
            the letter of the paper.
        mask_negatives: negatives too lose a random step. By the letter of the paper (false) positives are masked and
            negatives are whole, so that the loss falls for telling masked sessions from whole ones, comparing nothing.
        pretraining: see :class:`bench.training.pretraining.PretrainingConfig`.
    """

    uses_images = True

    def __init__(
        self,
        dims: Dims,
        views: int,
        view_dim: int = 32,
        contrast: str = "across",
        negatives: str = "hard",
        hard_at: float = 0.2,
        mask_negatives: bool = True,
        **pretraining: Any,
    ) -> None:
        super().__init__(dims)
        one_of("contrast", contrast, ("across", "within"))
        one_of("negatives", negatives, ("hard", "random"))
        self.output_dim = views * view_dim
        self.contrast, self.negatives = contrast, negatives
        self.hard_at, self.mask_negatives = hard_at, mask_negatives
        self.config = PretrainingConfig.of(pretraining)
        self.discriminators = nn.ModuleList(Discriminator(view_dim) for _ in range(views))

    @abstractmethod
    def views_of(self, graphs: SessionGraphs) -> tuple[Tensor, ...]:
        """The session vectors of each view of the graphs of B sessions, (B, view_dim) each."""

    def views(self, batch: SessionBatch) -> tuple[Tensor, ...]:
        """The session vectors of each view, (B, view_dim) each."""
        return self.views_of(SessionGraphs.of(batch if self.uses_images else batch.text_only()))

    def forward(self, batch: SessionBatch) -> Tensor:
        """(B, views * view_dim)."""
        return torch.cat(self.views(batch), dim=1)

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
        """Share of anchors that score their own positive above every other anchor's, mean of all directions.

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
        """For each term of equation 9: discriminator, anchors in one view, positives and anchors in the other."""
        views = self.views(SessionBatch.cat([anchors, mask_one_step(anchors, draws)]))  # (2B, d) each
        size = len(anchors)
        for place, discriminator in enumerate(self.discriminators):
            assert isinstance(discriminator, Discriminator)
            compared = views[(place + 1) % len(views) if self.contrast == "across" else place]
            yield discriminator, views[place][:size], compared[size:], compared[:size]


class _Contrast:
    """The objective on a corpus: sessions by row, clicks for the negatives."""

    def __init__(self, encoder: ContrastedEncoder, context: TrainingContext) -> None:
        self._encoder, self._context = encoder, context

    def loss(self, rows: NDArray[np.int64], moment: Moment, draws: torch.Generator) -> Tensor:
        """See :class:`bench.training.pretraining.Objective`."""
        items, owner = self._context.clicks.of_sessions(rows)
        barred = shared_clicks(torch.from_numpy(items.astype(np.int64)), torch.from_numpy(owner), len(rows))
        hard = self._encoder.negatives == "hard" and moment.accuracy >= self._encoder.hard_at
        return self._encoder.loss(self._context.sessions(rows), barred.to(self._context.device), draws, hard)

    def accuracy(self, rows: NDArray[np.int64], draws: torch.Generator) -> float:
        """See :class:`bench.training.pretraining.Objective`: sessions told from their batch mates."""
        return self._encoder.accuracy(self._context.sessions(rows), draws)

    def plateau(self, batch: int) -> float:
        """See :class:`bench.training.pretraining.Objective`: a tenth of the way from chance to certainty."""
        return 0.1 + 0.9 / batch


def mask_one_step(batch: SessionBatch, draws: torch.Generator) -> SessionBatch:
    """The positives: every session without one random step, its words and image. Sessions of one step stay whole."""
    steps = batch.num_steps
    drawn = (torch.rand(len(batch), generator=draws).to(batch.device) * steps).long()
    drawn = torch.minimum(drawn, steps - 1)
    maskable = steps > 1
    masked = torch.zeros(len(batch.step_kind), dtype=torch.bool, device=batch.device)
    masked[(batch.first_step + drawn)[maskable]] = True
    return batch.without_steps(masked)


def one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    """Refuses a value that an option does not know."""
    if value not in allowed:
        raise BenchError(f"{value!r} is not a value of {option}", where=option, fix=did_you_mean(value, allowed))


def glorot(module: nn.Module) -> None:
    """Glorot initialisation of all matrices and zeros for all biases (section 4.1)."""
    for parameter in module.parameters():
        if parameter.dim() > 1:
            nn.init.xavier_uniform_(parameter)
        else:
            nn.init.zeros_(parameter)
