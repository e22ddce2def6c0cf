"""Pretraining as a loop over steps: warm-up, validation, the best weights kept, and a warning on a plateau."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.errors import BenchError
from bench.training.context import TrainingContext

_PLATEAU = 0.1  # of the way from chance to certainty; a run that left the plateau is far beyond


@dataclass(frozen=True)
class PretrainingConfig:
    """Budget and optimiser of a pretraining.

    Attributes:
        steps: optimiser steps; a budget in steps, since an epoch of a small corpus is too short to leave the plateau.
        batch_size: sessions a step.
        learning_rate: of Adam, after the warm-up.
        warmup: steps over which the learning rate rises linearly.
        clip: largest norm of the gradient.
        validate_every: steps between validations.
        validation_sessions: at most so many held-out sessions are looked at.
    """

    steps: int = 1000
    batch_size: int = 256
    learning_rate: float = 0.005
    warmup: int = 100
    clip: float = 5.0
    validate_every: int = 100
    validation_sessions: int = 1024

    @classmethod
    def of(cls, options: dict[str, Any]) -> PretrainingConfig:
        """The configuration among an encoder's options."""
        return cls(**{f.name: options[f.name] for f in fields(cls) if f.name in options})


class Objective(Protocol):
    """What a pretraining minimises, and how it is judged. Whatever is random is drawn from the generator given."""

    def loss(self, rows: NDArray[np.int64], step: int, draws: torch.Generator) -> Tensor:
        """Scalar loss of the training sessions ``rows`` (B,) at this step, counted from 1."""

    def accuracy(self, rows: NDArray[np.int64], draws: torch.Generator) -> float:
        """Share of the held-out sessions ``rows`` (B,) that are told from their batch mates, by chance 1 / B."""


def pretrain(model: nn.Module, objective: Objective, config: PretrainingConfig, context: TrainingContext) -> None:
    """Trains ``model`` on the training sessions and leaves it with the weights that validated best.

    Validation always takes the same held-out sessions with the same draws, so that its values are comparable. It looks
    at accuracy, not at the loss: the loss depends on how hard the negatives are at the time, and can sit at its value
    for a discriminator that knows nothing for hundreds of steps. A warning is recorded when a run ends without having
    left that plateau: its vectors are then no better than those of random weights.

    Args:
        model: what is trained; left in evaluation mode.
        objective: loss and accuracy.
        config: budget and optimiser.
        context: data, seed, progress; the curve is recorded there: ``step``, ``train_loss`` (mean since the last row),
            ``valid_accuracy``, ``learning_rate``.

    Raises:
        BenchError: no training sessions, or the loss is not finite.
    """
    sessions, held_out = context.training_sessions(), context.validation_sessions()
    if not len(sessions):
        raise BenchError("no training sessions to pretrain on", where=str(context.corpus.folder))
    held_out = held_out[: config.validation_sessions]
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    draws = context.torch_generator("positives")
    best_accuracy, best = -1.0, None
    losses: list[Tensor] = []
    batches = _batches(sessions, config.batch_size, context.generator("pretraining order"))
    model.train()
    for step in range(1, config.steps + 1):
        rate = config.learning_rate * min(1.0, step / max(config.warmup, 1))
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad(set_to_none=True)
        loss = objective.loss(next(batches), step, draws)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        losses.append(loss.detach())
        if step % config.validate_every == 0 or step == config.steps:
            train_loss, losses = float(torch.stack(losses).mean()), []
            if not np.isfinite(train_loss):
                raise BenchError(
                    f"the pretraining loss is {train_loss} at step {step}",
                    fix="lower learning_rate or look at the vectors",
                )
            accuracy = _validate(model, objective, held_out, config, context)
            context.record(step=step, train_loss=train_loss, valid_accuracy=accuracy, learning_rate=rate)
            if accuracy >= best_accuracy:
                best_accuracy = accuracy
                best = {name: value.detach().clone() for name, value in model.state_dict().items()}
        context.progress(step, config.steps)
    if best is not None:
        model.load_state_dict(best)
    model.eval()
    chance = 1 / min(config.batch_size, max(len(held_out), 1))
    if len(held_out) and best_accuracy < chance + _PLATEAU * (1 - chance):
        context.warnings.append(
            f"pretraining ended on the plateau (held-out accuracy {best_accuracy:.1%}, chance {chance:.1%}): "
            "raise steps"
        )


def _batches(sessions: NDArray[np.int64], size: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Endless shuffled batches; a last, smaller batch of an epoch is filled from the next epoch."""
    rest = np.empty(0, dtype=np.int64)
    while True:
        while len(rest) < size:
            rest = np.concatenate([rest, rng.permutation(sessions)])
        yield rest[:size]
        rest = rest[size:]


@torch.no_grad()
def _validate(
    model: nn.Module,
    objective: Objective,
    sessions: NDArray[np.int64],
    config: PretrainingConfig,
    context: TrainingContext,
) -> float:
    """Accuracy over the held-out sessions, in batches of about the training's size; 0 without any held-out session."""
    if not len(sessions):
        return 0.0
    model.eval()
    draws = context.torch_generator("validation positives")
    parts = np.array_split(sessions, max(1, round(len(sessions) / config.batch_size)))
    accuracies = [objective.accuracy(part, draws) * len(part) for part in parts]
    model.train()
    return sum(accuracies) / len(sessions)
