"""Clipping by one norm is torch's clipping."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bench.training.clipping import clip_gradients


def parameters(scale: float) -> list[nn.Parameter]:
    draws, made = torch.Generator().manual_seed(0), []
    for shape in ((4, 3), (4,), (2, 4), ()):
        parameter = nn.Parameter(torch.zeros(shape))
        parameter.grad = scale * torch.randn(shape, generator=draws)
        made.append(parameter)
    return [*made, nn.Parameter(torch.zeros(3))]  # one without a gradient


@pytest.mark.parametrize("scale", [0.0, 0.1, 1.0, 1e20, float("inf"), float("nan")])
def test_gradients_become_those_that_torch_makes_of_them(scale: float) -> None:
    ours, theirs = parameters(scale), parameters(scale)
    clip_gradients(ours, 2.0)
    nn.utils.clip_grad_norm_(theirs, 2.0)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad, equal_nan=True)


def test_a_small_gradient_is_left_alone_to_the_bit() -> None:
    ours = parameters(0.01)
    clip_gradients(ours, 2.0)
    for one, other in zip(ours, parameters(0.01), strict=True):
        assert one.grad is other.grad is None or torch.equal(one.grad, other.grad)  # type: ignore[arg-type]


def test_nothing_to_clip() -> None:
    clip_gradients([nn.Parameter(torch.zeros(3))], 1.0)
    clip_gradients([], 1.0)
