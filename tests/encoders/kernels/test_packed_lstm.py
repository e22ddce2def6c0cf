"""The LSTM over packed sequences against torch's own, in value and in every gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from encoders.kernels import last_states

WIDTH, FIXED, LEARNT = 6, 5, 3


@pytest.mark.parametrize("sizes", [[1], [4], [4, 4, 4], [9, 5, 5, 2, 1], [1] * 30], ids=str)
@pytest.mark.parametrize("learnt", [LEARNT, 0])
def test_states_and_gradients_are_those_of_torch(sizes: list[int], learnt: int) -> None:
    torch.manual_seed(0)
    lstm = nn.LSTM(FIXED + learnt, WIDTH, batch_first=True)
    fixed, moving = 3 * torch.randn(sum(sizes), FIXED), torch.randn(sum(sizes), learnt)
    weights = torch.randn(sizes[0], WIDTH)

    def of_torch(lstm: nn.LSTM, fixed: Tensor, moving: Tensor, lengths: Tensor) -> Tensor:
        return lstm(PackedSequence(torch.cat([fixed, moving], dim=1), lengths))[1][0][0]

    found = []
    for function in (last_states, of_torch):
        lstm.zero_grad()
        leaf = moving.clone().requires_grad_()
        out = function(lstm, fixed, leaf, torch.tensor(sizes))
        (out * weights).sum().backward()
        gradients = [parameter.grad.clone() for parameter in lstm.parameters() if parameter.grad is not None]
        assert len(gradients) == 4
        found.append([out.detach(), *([leaf.grad] if learnt else []), *gradients])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, atol=2e-6, rtol=1e-5)


def test_gates_that_are_far_out_are_closed_or_open_and_no_nan() -> None:
    lstm = nn.LSTM(1, WIDTH)
    with torch.no_grad():
        for size in (1e2, 1e4, 1e30):
            for sign in (-size, size):
                lstm.weight_ih_l0.fill_(sign)
                found = last_states(lstm, torch.ones(2, 1), torch.zeros(2, 0), torch.tensor([1, 1]))
                assert found.isfinite().all()
                assert float(found.abs().max()) <= 1


def test_other_numbers_than_float32_go_through_torch() -> None:
    lstm = nn.LSTM(FIXED, WIDTH).double()
    found = last_states(lstm, torch.randn(3, FIXED).double(), torch.zeros(3, 0).double(), torch.tensor([2, 1]))
    assert found.dtype == torch.float64
