"""Supervised training in epochs, stopped on the validation split; the best epoch's weights are kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.errors import BenchError
from bench.training.adam import Adam
from bench.training.clipping import clip_gradients
from bench.training.context import TrainingContext


@dataclass(frozen=True)
class FittingConfig:
    """Budget and optimiser.

    Attributes:
        epochs: at most so many.
        patience: epochs without a better validation value before it stops.
        learning_rate: of Adam.
        weight_decay: of Adam.
        clip: largest norm of the gradient.
    """

    epochs: int = 30
    patience: int = 4
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    clip: float = 5.0


def fit(
    model: nn.Module,
    epoch_losses: Callable[[int], Iterable[Tensor]],
    validate: Callable[[], float],
    config: FittingConfig,
    context: TrainingContext,
) -> None:
    """Trains ``model`` and leaves it with the weights of the epoch that validated best, in evaluation mode.

    Args:
        model: what is trained.
        epoch_losses: the losses of an epoch's batches, one after the other.
        validate: a value that is better when higher, on the validation split.
        config: budget and optimiser.
        context: records ``epoch``, ``train_loss``, ``valid``.

    Raises:
        BenchError: the loss is not finite.
    """
    parameters = list(model.parameters())  # once: to walk through the modules takes as long as a light model's layer
    optimizer = Adam(parameters, config.learning_rate, config.weight_decay)
    best_value, best, since = -float("inf"), None, 0
    for epoch in range(1, config.epochs + 1):
        model.train()
        losses = []
        for loss in epoch_losses(epoch):
            optimizer.zero_grad()
            loss.backward()
            clip_gradients(parameters, config.clip)
            optimizer.step()
            losses.append(loss.detach())
        train_loss = float(torch.stack(losses).mean()) if losses else 0.0
        if not math.isfinite(train_loss):
            raise BenchError(f"the training loss is {train_loss} in epoch {epoch}", fix="lower the learning rate")
        model.eval()
        with torch.no_grad():
            value = validate()
        context.record(epoch=epoch, train_loss=train_loss, valid=value)
        if value > best_value:
            best_value, since = value, 0
            best = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
        else:
            since += 1
        context.progress(epoch, config.epochs)
        if since >= config.patience:
            break
    if best is not None:
        model.load_state_dict(best)
    model.eval()
