"""Pretraining as a loop over steps: schedule, validation, the best weights kept, resume, and a warning on a plateau."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.errors import BenchError
from bench.files import set_aside
from bench.progress import note
from bench.training.adam import Adam
from bench.training.checkpoint import (
    copy_of,
    load_state,
    named,
    part,
    save_state,
)
from bench.training.context import TrainingContext
from bench.training.objective import Objective, PreparingObjective, PretrainingStep
from bench.training.pretraining_config import PretrainingConfig
from bench.training.read_ahead import reading_ahead
from bench.training.shared_batches import SharedBatches

_CHECKPOINT_SECONDS = 30.0  # at least so long between two checkpoints; what is computed does not depend on it


@dataclass
class _State:
    """What changes from step to step beside model, optimiser and generators."""

    step: int = 0
    accuracy: float = 0.0
    best_accuracy: float = -1.0
    since_best: int = 0
    losses: list[Tensor] = field(default_factory=list)
    recorded: dict[str, list[Tensor]] = field(default_factory=dict)
    best: dict[str, Tensor] = field(default_factory=dict)


def pretrain(
    model: nn.Module,
    objective: Objective,
    config: PretrainingConfig,
    context: TrainingContext,
    downstream: bool = False,
) -> None:
    """Trains ``model`` on the training sessions and leaves it with the weights that validated best.

    Validation always takes the same held-out sessions with the same draws, so that its values are comparable. It looks
    at accuracy, not at the loss: the loss depends on how hard the negatives are at the time, and can sit at its value
    for a discriminator that knows nothing for hundreds of steps. A warning is recorded when a run ends without having
    left that plateau: its vectors are then no better than those of random weights.

    Where the context names a checkpoint, the state is kept there now and then, and a run that finds one goes on from
    it; on a CPU the weights are those of an unbroken run, to the last bit. Where it names a trajectory, the same holds
    for the last state of a run with fewer steps, which one with more goes on from, as long as the learning rate does
    not depend on the number of steps (``schedule="constant"``).

    Args:
        model: what is trained; left in evaluation mode.
        objective: loss and accuracy.
        config: budget and optimiser.
        context: data, seed, progress; the curve is recorded there: ``step``, ``train_loss`` (mean since the last row),
            ``valid_accuracy``, ``learning_rate``, and what the objective recorded of its steps.
        downstream: take training and validation sessions from the downstream sample alone, for an objective whose
            targets are labels of a task.

    Raises:
        BenchError: no training sessions, or the loss is not finite.
    """
    sessions, held_out = context.training_sessions(downstream), context.validation_sessions(downstream)
    if not len(sessions):
        sample = " in the downstream sample" if downstream else ""
        raise BenchError(f"no training sessions{sample} to pretrain on", where=str(context.corpus.folder))
    held_out = held_out[: config.validation_sessions]
    ranks = context.ranks
    shared, batches = SharedBatches(objective, config, ranks), _Batches(sessions, config.batch_size, context)
    ranks.same_weights(model)
    optimizer = Adam(model.parameters(), config.learning_rate)
    draws, state = context.torch_generator("positives"), _State()
    trajectory = context.trajectory if config.schedule == "constant" else None
    if not _resume(context.checkpoint, context, model, optimizer, draws, state):
        _resume(trajectory, context, model, optimizer, draws, state, config.steps)
        context.continued_from = state.step
    saved = time.monotonic()
    model.train()
    preparing = objective if isinstance(objective, PreparingObjective) else None

    def read(number: int) -> tuple[NDArray[np.int64], object]:
        rows = batches.of_step(number)
        return rows, preparing.prepare(*shared.for_rank(rows)) if preparing is not None else None

    ahead = context.device.type != "cpu" if context.read_ahead is None else context.read_ahead
    with reading_ahead(read, ahead, config.steps) as data:
        while state.step < config.steps and not (config.patience and state.since_best >= config.patience):
            state.step += 1
            rate = config.rate(state.step)
            optimizer.learning_rate = rate
            optimizer.zero_grad()
            rows, prepared = data.of(state.step)
            with torch.autocast(context.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
                step = PretrainingStep(state.step, state.accuracy, state.recorded, prepared)
                loss = shared.loss(rows, step, draws)
            loss.backward()
            ranks.sum_gradients(model.parameters())
            nn.utils.clip_grad_norm_(model.parameters(), config.clip)
            optimizer.step()
            state.losses.append(loss.detach())
            if state.step % config.validate_every == 0 or state.step == config.steps:
                _validate(model, shared, held_out, context, state, rate)
                if context.checkpoint is not None and time.monotonic() - saved > _CHECKPOINT_SECONDS:
                    _save(context.checkpoint, context, model, optimizer, draws, state)
                    saved = time.monotonic()
            context.progress(state.step, config.steps)
    # a last step between two validations had one of its own, which a longer run would not have had
    validated = state.step > context.continued_from and state.step % config.validate_every == 0
    if trajectory is not None and validated and ranks.first and state.step > _last_step(trajectory):
        _save(trajectory, context, model, optimizer, draws, state)
    if state.best:
        model.load_state_dict(state.best)
    model.eval()
    plateau = objective.plateau(min(config.batch_size, max(len(held_out), 1)))
    if len(held_out) and state.step and state.best_accuracy < plateau:
        context.warnings.append(
            f"pretraining ended on the plateau (held-out accuracy {state.best_accuracy:.1%}, and below {plateau:.1%} "
            "hardly anything is learnt): raise steps"
        )


class _Batches:
    """Shuffled batches, each session once before any again. A step's batch follows from the seed and its number alone,
    so that a resumed run goes on with the right one.
    """

    def __init__(self, sessions: NDArray[np.int64], size: int, context: TrainingContext) -> None:
        self._sessions, self._size, self._context = sessions, size, context
        self._epoch, self._order = -1, sessions

    def of_step(self, step: int) -> NDArray[np.int64]:
        """(batch_size,) sessions of this step, counted from 1."""
        number = np.arange((step - 1) * self._size, step * self._size)
        epoch, within = np.divmod(number, len(self._sessions))
        return np.concatenate([self._shuffled(e)[within[epoch == e]] for e in range(epoch[0], epoch[-1] + 1)])

    def _shuffled(self, epoch: int) -> NDArray[np.int64]:
        if epoch != self._epoch:
            rng = self._context.generator(f"pretraining order {epoch}")
            self._epoch, self._order = epoch, rng.permutation(self._sessions)
        return self._order


@torch.no_grad()
def _validate(
    model: nn.Module,
    shared: SharedBatches,
    sessions: NDArray[np.int64],
    context: TrainingContext,
    state: _State,
    rate: float,
) -> None:
    """Accuracy over the held-out sessions, in batches of about the training's size; 0 without any held-out session."""
    train_loss, state.losses = shared.train_loss(state.losses), []
    if not np.isfinite(train_loss):
        raise BenchError(
            f"the pretraining loss is {train_loss} at step {state.step}",
            fix="lower learning_rate or look at the vectors",
        )
    state.accuracy = 0.0
    if len(sessions):
        model.eval()
        draws = context.torch_generator("validation positives")
        parts = np.array_split(sessions, max(1, round(len(sessions) / shared.config.batch_size)))
        state.accuracy = shared.accuracy(parts, draws)
        model.train()
    told = shared.means(state.recorded)
    state.recorded.clear()
    context.record(step=state.step, train_loss=train_loss, valid_accuracy=state.accuracy, learning_rate=rate, **told)
    state.since_best += 1
    if state.accuracy >= state.best_accuracy:
        state.since_best = 0 if state.accuracy > state.best_accuracy else state.since_best
        state.best_accuracy, state.best = state.accuracy, copy_of(model)


def _save(
    file: Path,
    context: TrainingContext,
    model: nn.Module,
    optimizer: Adam,
    draws: torch.Generator,
    state: _State,
) -> None:
    """Writes the state to a file, on rank 0 alone: all ranks are in the same."""
    if not context.ranks.first:
        return
    tensors = {
        **named("model", model.state_dict()),
        **named("best", state.best),
        **named("optimizer", optimizer.tensors()),
        "draws": draws.get_state(),
        "torch": torch.get_rng_state(),
    }
    facts = {
        "step": state.step,
        "accuracy": state.accuracy,
        "best_accuracy": state.best_accuracy,
        "since_best": state.since_best,
        "curve": context.curve,
    }
    save_state(file, tensors, facts)


def _last_step(file: Path) -> int:
    """The step of the state in a file; 0 where there is none that can be read."""
    try:
        return int(load_state(file)[1]["step"])
    except BenchError:
        return 0


def _state_in(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """What a file of states holds; None without one. A damaged file is set aside."""
    if not file.exists():
        return None
    try:
        return load_state(file)
    except BenchError as error:
        aside = set_aside(file)
        called = f" as {aside.name}" if aside is not None else ""
        note(f"{error.where}: {error.what}; set aside{called}, the pretraining starts anew")
        return None


def _resume(
    file: Path | None,
    context: TrainingContext,
    model: nn.Module,
    optimizer: Adam,
    draws: torch.Generator,
    state: _State,
    longest: int | None = None,
) -> bool:
    """Takes over the state in a file; says whether there is one, of at most ``longest`` steps.

    States are written right after a validation, so no losses are pending. Rank 0 reads the file, for all.
    """
    if file is None:
        return False
    found = context.ranks.from_first(partial(_state_in, file))
    if found is None or (longest is not None and found[1]["step"] > longest):
        return False
    tensors, facts = found
    model.load_state_dict(part("model", tensors))
    optimizer.restore(part("optimizer", tensors))
    draws.set_state(tensors["draws"])
    torch.set_rng_state(tensors["torch"])
    state.best = {name: value.to(context.device) for name, value in part("best", tensors).items()}
    state.step, state.accuracy = facts["step"], facts["accuracy"]
    state.best_accuracy, state.since_best = facts["best_accuracy"], facts["since_best"]
    context.curve[:] = facts["curve"]
    return True
