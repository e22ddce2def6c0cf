"""A batch of a pretraining on the ranks that share it: each one's term of the loss and of the accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.errors import BenchError
from bench.training.objective import Objective, PretrainingStep, SharedObjective
from bench.training.pretraining_config import PretrainingConfig
from bench.training.ranks import ALONE, Ranks

_DIGITS = 12  # of an accuracy that was summed over ranks: two that are equal must not differ by the order of the sum


@dataclass(frozen=True)
class SharedBatches:
    """How the ranks of a pretraining share the batches of an objective.

    With ``negatives_from="all"`` the objective shares a batch itself, and has its gradient. With ``"rank"`` a rank's
    rows are a batch to it: negatives are mined among them, the loss is its mean, weighted by its number of rows, and
    what is random is drawn apart.

    Args:
        objective: of the pretraining.
        config: says where negatives come from.
        ranks: all processes.

    Raises:
        BenchError: a batch has fewer sessions than there are processes, or the objective cannot share one.
    """

    objective: Objective
    config: PretrainingConfig
    ranks: Ranks

    def __post_init__(self) -> None:
        if self.ranks.size > self.config.batch_size:
            raise BenchError(
                f"a batch of {self.config.batch_size} sessions cannot be shared by {self.ranks.size} processes",
                where="batch_size",
                fix="raise it, or start fewer processes",
            )
        if self._from_all and not isinstance(self.objective, SharedObjective):
            raise BenchError(
                f"{type(self.objective).__name__} cannot take negatives from all {self.ranks.size} processes",
                where="negatives_from=all",
                fix="--set negatives_from=rank",
            )

    @property
    def _from_all(self) -> bool:
        return self.ranks.size > 1 and self.config.negatives_from == "all"

    def for_rank(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], Ranks]:
        """The rows that the objective is given of a batch ``rows`` (B,), and the ranks with which it shares them."""
        if self._from_all:
            return rows, self.ranks
        return rows[self.ranks.share(len(rows)).own], ALONE

    def loss(self, rows: NDArray[np.int64], step: PretrainingStep, draws: torch.Generator) -> Tensor:
        """This rank's term of the loss of ``rows`` (B,); the gradients of all ranks' terms sum to that of the batch."""
        if self.ranks.size == 1:
            return self.objective.loss(rows, step, draws)
        if self._from_all and isinstance(self.objective, SharedObjective):
            return self.objective.part_of_loss(rows, step, draws, self.ranks)
        own, _ = self.for_rank(rows)
        return self.ranks.share(len(rows)).part(self.objective.loss(own, step, _apart(draws, self.ranks.rank)))

    def accuracy(self, parts: Sequence[NDArray[np.int64]], draws: torch.Generator) -> float:
        """Accuracy over held-out sessions, (n,) in each part; every rank returns that of all.

        Where the objective shares batches, each part is shared; else a rank takes every so-manieth part.
        """
        sessions, objective, ranks = sum(map(len, parts)), self.objective, self.ranks
        if ranks.size == 1:
            return sum(objective.accuracy(part, draws) * len(part) for part in parts) / sessions
        if isinstance(objective, SharedObjective):
            terms = [objective.part_of_accuracy(part, draws, ranks) * len(part) for part in parts]
        else:
            apart = [_apart(draws, number) for number in range(len(parts))]
            own = range(ranks.rank, len(parts), ranks.size)
            terms = [objective.accuracy(parts[number], apart[number]) * len(parts[number]) for number in own]
        return round(float(ranks.summed(torch.tensor(sum(terms) / sessions, dtype=torch.float64))), _DIGITS)

    def train_loss(self, losses: Sequence[Tensor]) -> float:
        """The mean loss of some steps, of which every rank has its terms."""
        return float(self.ranks.summed(torch.stack(list(losses)).mean()))

    def means(self, recorded: dict[str, list[Tensor]]) -> dict[str, float]:
        """The mean of what was recorded in each column: every rank's values count alike, and NaN not at all."""
        if self.ranks.size == 1:
            return {column: float(torch.stack(values).nanmean()) for column, values in recorded.items()}
        own = {column: torch.stack(values).double().cpu() for column, values in recorded.items()}
        everywhere = self.ranks.collected(own)
        columns = dict.fromkeys(column for rank in everywhere for column in rank)
        return {c: float(torch.cat([rank[c] for rank in everywhere if c in rank]).nanmean()) for c in columns}


def _apart(draws: torch.Generator, number: int) -> torch.Generator:
    """A generator of its own for each number; ``draws`` moves on in the same way whichever number it is."""
    seed = int(torch.randint(2**62, (), generator=draws))
    return torch.Generator().manual_seed(seed + number)
