"""MUVCOG's contrast as the objective of a pretraining: sessions by row, clicks for the negatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.training.pretraining import PretrainingStep
from encoders.muvcog.contrast import shared_clicks
from encoders.muvcog.steps_of import ContrastedSessions

if TYPE_CHECKING:
    from encoders.muvcog.model import Muvcog


class ContrastObjective:
    """See :class:`bench.training.pretraining.Objective`.

    Args:
        encoder: what is pretrained.
        sessions: what is contrasted.
        device: where to compute.
    """

    def __init__(self, encoder: Muvcog, sessions: ContrastedSessions, device: torch.device) -> None:
        self._encoder, self._sessions, self._device = encoder, sessions, device

    def loss(self, rows: NDArray[np.int64], step: PretrainingStep, draws: torch.Generator) -> Tensor:
        """Equation 9, negatives hard once the last validation was good enough."""
        options = self._encoder.options
        items, owner = self._sessions.clicks(rows)
        barred = shared_clicks(torch.from_numpy(items.astype(np.int64)), torch.from_numpy(owner), len(rows))
        hard = options.negatives == "hard" and step.accuracy >= options.hard_at
        return self._encoder.loss(self._sessions.batch(rows), barred.to(self._device), draws, hard)

    def accuracy(self, rows: NDArray[np.int64], draws: torch.Generator) -> float:
        """Share of sessions that score their own masked version above those of their batch mates."""
        return self._encoder.accuracy(self._sessions.batch(rows), draws)

    def plateau(self, batch: int) -> float:
        """A tenth of the way from chance to certainty."""
        return 0.1 + 0.9 / batch
