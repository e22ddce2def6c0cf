"""What a pretraining minimises: what an objective must offer, and what it may."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.training.ranks import Ranks


@dataclass(frozen=True)
class PretrainingStep:
    """The step for which an objective computes its loss.

    Attributes:
        number: counted from 1.
        accuracy: that of the latest validation; 0 before the first.
        recorded: values by column, of this step and those since the last row of the curve.
        prepared: what :meth:`PreparingObjective.prepare` made of this step's rows; None where nobody asked it to.
    """

    number: int
    accuracy: float = 0.0
    recorded: dict[str, list[Tensor]] = field(default_factory=dict)
    prepared: object = None

    def record(self, column: str, value: Tensor) -> None:
        """Adds a scalar to a column of the curve, whose next row has the mean of all since the last; NaN counts not."""
        self.recorded.setdefault(column, []).append(value.detach())


class Objective(Protocol):
    """What a pretraining minimises, and how it is validated. Whatever is random is drawn from the generator given."""

    def loss(self, rows: NDArray[np.int64], step: PretrainingStep, draws: torch.Generator) -> Tensor:
        """Scalar loss of the training sessions ``rows`` (B,)."""

    def accuracy(self, rows: NDArray[np.int64], draws: torch.Generator) -> float:
        """Accuracy on the held-out sessions ``rows`` (B,): what is right depends on the objective."""

    def plateau(self, batch: int) -> float:
        """Accuracy, over batches of so many sessions, below which a run has learnt next to nothing."""


@runtime_checkable
class SharedObjective(Protocol):
    """An objective, beside that, whose batch may lie on several ranks and have all of it as negatives.

    Both methods are given all rows of the batch and the generator of the whole batch, on every rank. What they return,
    and the gradients of it, sum over ranks to what one process has.
    """

    def part_of_loss(
        self, rows: NDArray[np.int64], step: PretrainingStep, draws: torch.Generator, ranks: Ranks
    ) -> Tensor:
        """This rank's term of the loss of the training sessions ``rows`` (B,), scalar."""

    def part_of_accuracy(self, rows: NDArray[np.int64], draws: torch.Generator, ranks: Ranks) -> float:
        """This rank's term of the accuracy on the held-out sessions ``rows`` (B,)."""


@runtime_checkable
class PreparingObjective(Protocol):
    """An objective, beside that, which can read its data before the step that they are for."""

    def prepare(self, rows: NDArray[np.int64], ranks: Ranks) -> object:
        """What does not depend on weights, draws or accuracy: read from the corpus and copied to the device.

        It runs in another thread while the step before computes, and comes back as ``step.prepared``.

        Args:
            rows: (B,) of a batch, as ``loss`` or ``part_of_loss`` will be given them.
            ranks: those that share this batch.
        """
