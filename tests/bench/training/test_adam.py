"""Adam here is torch's fused Adam to the last bit, and imports no compiler."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from bench.training.adam import Adam


def gradients(step: int, shapes: list[tuple[int, ...]]) -> list[Tensor | None]:
    """Of each weight; the last weight has none in every third step, and the one before it never any."""
    draws = torch.Generator().manual_seed(step)
    found: list[Tensor | None] = [torch.randn(shape, generator=draws) for shape in shapes]
    found[-2] = None
    return found if step % 3 else [*found[:-1], None]


@pytest.mark.parametrize("decay", [0.0, 0.03])
def test_it_gives_the_weights_of_torch_to_the_last_bit(decay: float) -> None:
    shapes = [(7, 5), (5,), (3, 2, 2), (2,), (4, 4)]
    weights = [torch.randn(shape, generator=torch.Generator().manual_seed(9)) for shape in shapes]
    ours, theirs = ([nn.Parameter(weight.clone()) for weight in weights] for _ in range(2))
    adam, torchs = Adam(ours, 0.01, decay), torch.optim.Adam(theirs, lr=0.01, weight_decay=decay, fused=True)
    for step in range(1, 30):
        adam.learning_rate = torchs.param_groups[0]["lr"] = 0.01 / step
        adam.zero_grad()
        torchs.zero_grad()
        for parameters in (ours, theirs):
            for parameter, gradient in zip(parameters, gradients(step, shapes), strict=True):
                parameter.grad = None if gradient is None else gradient.clone()
        adam.step()
        torchs.step()
        if step == 15:  # as from a checkpoint
            kept = {name: tensor.clone() for name, tensor in adam.tensors().items()}
            adam = Adam(ours, 0.01, decay)
            adam.restore(kept)
    for one, other, start in zip(ours, theirs, weights, strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one, start) == (start.shape == (2,))


def test_a_joined_model_and_a_training_step_import_no_compiler_and_no_algebra() -> None:
    """Which takes a worker as long as importing torch."""
    code = """
import sys
import torch
from bench.training.adam import Adam
from bench.training.session_vectors import JoinedClickModel
baseline, sessions = torch.nn.Module(), torch.nn.Module()
baseline.context_dim, sessions.width = 3, 2
model = JoinedClickModel(baseline, sessions, torch.Generator())
adam = Adam(model.parameters(), 0.1)
adam.zero_grad()
model.join(torch.ones(2, 5)).sum().backward()
torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
adam.step()
print(*(name for name in ("torch._dynamo", "torch._inductor", "sympy", "mpmath") if name in sys.modules))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"
