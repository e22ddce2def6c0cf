"""Pretraining as a loop over steps: warm-up, validation, the best weights kept, and a warning on a plateau."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.errors import BenchError
from bench.training.context import TrainingContext


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

    steps: int = 1500
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


LossOf = Callable[[NDArray[np.int64], torch.Generator], Tensor]
"""Loss of the sessions with these rows; positives and random negatives are drawn from the generator."""


def pretrain(
    model: nn.Module,
    loss_of: LossOf,
    config: PretrainingConfig,
    context: TrainingContext,
    chance_loss: float | None = None,
) -> None:
    """Trains ``model`` on the training sessions and leaves it with the weights that validated best.

    The validation loss is always taken on the same held-out sessions with the same draws, so that its steps are comparable.

    Args:
        model: what is trained; left in evaluation mode.
        loss_of: the objective.
        config: budget and optimiser.
        context: data, seed, progress; the curve is recorded there (``step``, ``train_loss``, ``valid_loss``, ``learning_rate``).
        chance_loss: what the objective gives to someone who knows nothing. A warning is recorded when the best validation
            loss stays within 2 % of it: the run then ended on the plateau and its vectors are as good as random ones.

    Raises:
        BenchError: no training sessions, or the loss is not finite.
    """
    sessions, held_out = context.training_sessions(), context.validation_sessions()
    if not len(sessions):
        raise BenchError("no training sessions to pretrain on", where=str(context.corpus.folder))
    held_out = held_out[: config.validation_sessions]
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    draws = context.torch_generator("positives")
    best_loss, best = float("inf"), None
    losses: list[Tensor] = []
    batches = _batches(sessions, config.batch_size, context.generator("pretraining order"))
    model.train()
    for step in range(1, config.steps + 1):
        rate = config.learning_rate * min(1.0, step / max(config.warmup, 1))
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(next(batches), draws)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        losses.append(loss.detach())
        if step % config.validate_every == 0 or step == config.steps:
            train_loss, losses = float(torch.stack(losses).mean()), []
            if not np.isfinite(train_loss):
                raise BenchError(
                    f"the pretraining loss is {train_loss} at step {step}", fix="lower learning_rate or look at the vectors"
                )
            valid_loss = _validate(model, loss_of, held_out, config, context) if len(held_out) else train_loss
            context.record(step=step, train_loss=train_loss, valid_loss=valid_loss, learning_rate=rate)
            if valid_loss < best_loss:
                best_loss = valid_loss
                best = {name: value.detach().clone() for name, value in model.state_dict().items()}
        context.progress(step, config.steps)
    if best is not None:
        model.load_state_dict(best)
    model.eval()
    if chance_loss is not None and best_loss > 0.98 * chance_loss:
        context.warnings.append(
            f"pretraining ended on the plateau (validation loss {best_loss:.3f}, chance {chance_loss:.3f}): raise steps"
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
    model: nn.Module, loss_of: LossOf, sessions: NDArray[np.int64], config: PretrainingConfig, context: TrainingContext
) -> float:
    model.eval()
    draws = context.torch_generator("validation positives")
    parts = np.array_split(sessions, max(1, round(len(sessions) / config.batch_size)))
    losses = [float(loss_of(part, draws)) * len(part) for part in parts]
    model.train()
    return sum(losses) / len(sessions)
