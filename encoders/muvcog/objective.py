"""MUVCOG's contrast as the objective of a pretraining: sessions by row, clicks for the negatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.training.context import TrainingContext
from bench.training.pretraining import PretrainingStep
from encoders.muvcog.contrast import shared_clicks

if TYPE_CHECKING:
    from encoders.muvcog.model import Muvcog


class ContrastObjective:
    """See :class:`bench.training.pretraining.Objective`.

    Args:
        encoder: what is pretrained.
        context: the corpus, and the clicks of its sessions.
    """

    def __init__(self, encoder: Muvcog, context: TrainingContext) -> None:
        self._encoder, self._context = encoder, context

    def loss(self, rows: NDArray[np.int64], step: PretrainingStep, draws: torch.Generator) -> Tensor:
        """Equation 9, negatives hard once the last validation was good enough."""
        options = self._encoder.options
        items, owner = self._context.clicks.of_sessions(rows)
        barred = shared_clicks(torch.from_numpy(items.astype(np.int64)), torch.from_numpy(owner), len(rows))
        hard = options.negatives == "hard" and step.accuracy >= options.hard_at
        return self._encoder.loss(self._context.sessions(rows), barred.to(self._context.device), draws, hard)

    def accuracy(self, rows: NDArray[np.int64], draws: torch.Generator) -> float:
        """Share of sessions that score their own masked version above those of their batch mates."""
        return self._encoder.accuracy(self._context.sessions(rows), draws)

    def plateau(self, batch: int) -> float:
        """A tenth of the way from chance to certainty."""
        return 0.1 + 0.9 / batch
