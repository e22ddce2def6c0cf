"""Supervised training stops early, keeps the best epoch's weights, and stops on a loss that is not finite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from small_corpora import random_corpus
from torch import Tensor, nn

from bench.errors import BenchError
from bench.training.context import TrainingContext
from bench.training.fitting import FittingConfig, fit


@pytest.fixture
def context(tmp_path: Path) -> TrainingContext:
    return TrainingContext(random_corpus(tmp_path / "corpus", sessions=6), 0)


class Line(nn.Module):
    """One weight on its way from 0 to 3."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.register_buffer("seen", torch.zeros(1))

    def losses(self, factors: tuple[float, ...] = (1.0, 1.0)) -> Callable[[int], Iterator[Tensor]]:
        def of_epoch(epoch: int) -> Iterator[Tensor]:
            for factor in factors:
                assert self.training
                yield (self.weight - 3).square().sum() * factor

        return of_epoch


def scripted(model: Line, values: list[float], weights: list[float]) -> Callable[[], float]:
    def validate() -> float:
        assert not model.training
        assert not torch.is_grad_enabled()
        weights.append(float(model.weight.detach()))
        model.seen += 1
        return values[len(weights) - 1]

    return validate


def test_the_best_epoch_is_kept_and_patience_ends_it(context: TrainingContext) -> None:
    model, weights = Line(), []
    values = [0.1, 0.5, 0.4, 0.5, 0.3, 0.9]
    fit(model, model.losses(), scripted(model, values, weights), FittingConfig(epochs=30, patience=3), context)
    assert len(weights) == 5, "three epochs that are not better than the second, an equal one among them"
    assert float(model.weight.detach()) == weights[1]
    assert float(model.seen) == 2, "buffers go back too"
    assert not model.training
    assert [row["epoch"] for row in context.curve] == [1, 2, 3, 4, 5]
    assert [row["valid"] for row in context.curve] == values[:5]
    losses = [row["train_loss"] for row in context.curve]
    assert losses == sorted(losses, reverse=True)


def test_a_better_epoch_gives_new_patience(context: TrainingContext) -> None:
    model, weights = Line(), []
    values = [0.1, 0.0, 0.2, 0.1, 0.3, 0.2, 0.1, 0.9]
    fit(model, model.losses(), scripted(model, values, weights), FittingConfig(epochs=30, patience=2), context)
    assert len(weights) == 7
    assert float(model.weight.detach()) == weights[4]


def test_it_ends_after_the_last_epoch(context: TrainingContext) -> None:
    model, weights, seen = Line(), [], []
    context.progress = lambda done, total: seen.append((done, total))
    fit(model, model.losses(), scripted(model, [1.0, 2.0, 3.0, 4.0], weights), FittingConfig(epochs=4), context)
    assert float(model.weight.detach()) == weights[-1]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_it_learns(context: TrainingContext) -> None:
    model = Line()
    config = FittingConfig(epochs=100, patience=100, learning_rate=0.1)
    fit(model, model.losses(), lambda: -abs(float(model.weight) - 3), config, context)
    assert float(model.weight.detach()) == pytest.approx(3, abs=0.05)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_it(context: TrainingContext, value: float) -> None:
    model = Line()
    with pytest.raises(BenchError, match=r"training loss is (nan|inf) in epoch 1 .*learning rate"):
        fit(model, model.losses((1.0, value)), lambda: 1.0, FittingConfig(), context)
    assert context.curve == []


def test_large_gradients_are_clipped(context: TrainingContext) -> None:
    """Without clipping, one huge batch would swell Adam's second moments and stop the training for long."""
    moved = []
    for clip in (1.0, 1e12):
        model = Line()

        def losses(epoch: int, model: Line = model) -> Iterator[Tensor]:
            yield from ((model.weight - 3).abs().sum() * (1e6 if step == 0 else 1.0) for step in range(20))

        fit(model, losses, lambda: 1.0, FittingConfig(epochs=1, clip=clip), context)
        moved.append(float(model.weight.detach()))
    assert moved[0] > 1.5 * moved[1]
