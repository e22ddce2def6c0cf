"""The LSTM over sequences of any lengths against torch's own, in value and in every gradient."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from encoders.kernels import lstm_states, reference

WIDTH, TEXT, KINDS, LEARNT = 6, 5, 2, 3
LENGTHS = [[1], [1, 1, 1, 1], [3, 3, 3, 3], [0, 5, 0], [1, 4, 2, 4, 1, 0, 9, 1, 3], [30]]


def one_by_one(
    lstm: nn.LSTM, lengths: Tensor, text: Tensor, kinds: Tensor, learnt: Tensor, learnt_steps: Tensor, wanted: Tensor
) -> Tensor:
    """Each sequence for itself, by torch's LSTM."""
    moving = torch.zeros(len(text), learnt.shape[1]).index_add(0, learnt_steps, learnt)
    inputs = torch.cat([text, torch.eye(KINDS)[kinds], moving], dim=1)
    states = [lstm(part.unsqueeze(0))[0][0] for part in inputs.split(lengths.tolist()) if len(part)]
    return torch.cat(states)[wanted]


def lstm_of(learnt: int) -> nn.LSTM:
    torch.manual_seed(0)
    return nn.LSTM(TEXT + KINDS + learnt, WIDTH, batch_first=True)


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("learnt", [LEARNT, 0])
@pytest.mark.parametrize("wanted", ["last", "all", "some, one of them twice", "none"])
@pytest.mark.parametrize("function", [lstm_states, reference.lstm_states], ids=["loops", "reference"])
def test_states_and_gradients_are_those_of_torch(
    function: Callable[..., Tensor], lengths: list[int], learnt: int, wanted: str
) -> None:
    lstm, steps = lstm_of(learnt), sum(lengths)
    text, kinds = 3 * torch.randn(steps, TEXT), torch.randint(0, KINDS, (steps,))
    having = torch.randperm(steps)[: (steps + 1) // 2].sort().values if learnt else torch.zeros(0, dtype=torch.long)
    if len(having) > 1:
        having[0] = having[1]  # a step that has two
    moving = torch.randn(len(having), learnt)
    some = torch.randperm(steps)[: (steps + 1) // 2]
    ends = torch.tensor(lengths).cumsum(0)[torch.tensor(lengths) > 0] - 1
    rows = {
        "last": ends,
        "all": torch.arange(steps),
        "some, one of them twice": torch.cat([some, some[:1]]),
        "none": some[:0],
    }[wanted]
    weights = torch.randn(len(rows), WIDTH)

    found = []
    for states in (function, one_by_one):
        lstm.zero_grad()
        leaf = moving.clone().requires_grad_()
        out = states(lstm, torch.tensor(lengths), text, kinds, leaf, having, rows)
        (out * weights).sum().backward()
        gradients = [parameter.grad.clone() for parameter in lstm.parameters() if parameter.grad is not None]
        assert len(gradients) == 4
        found.append([out.detach(), *([leaf.grad] if learnt else []), *gradients])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, atol=3e-6, rtol=1e-5)


def of_one_step(lstm: nn.LSTM, text: Tensor) -> Tensor:
    nothing, zeros = torch.zeros(0, dtype=torch.long), torch.zeros(len(text), dtype=torch.long)
    return lstm_states(
        lstm, torch.ones_like(zeros), text, zeros, text.new_zeros(0, 0), nothing, torch.arange(len(text))
    )


def test_gates_that_are_far_out_are_closed_or_open_and_no_nan() -> None:
    lstm = nn.LSTM(2, WIDTH)
    with torch.no_grad():
        for size in (1e2, 1e4, 1e30):
            for sign in (-size, size):
                lstm.weight_ih_l0.fill_(sign)
                found = of_one_step(lstm, torch.ones(2, 1))
                assert found.isfinite().all()
                assert float(found.abs().max()) <= 1


def test_other_numbers_than_float32_go_through_torch() -> None:
    lstm = nn.LSTM(TEXT + KINDS, WIDTH).double()
    assert of_one_step(lstm, torch.randn(3, TEXT).double()).dtype == torch.float64


@pytest.mark.parametrize("step", [-1, 3])
def test_a_step_that_is_not_there_is_an_error(step: int) -> None:
    lstm, nothing = lstm_of(0), torch.zeros(0, dtype=torch.long)
    with pytest.raises(IndexError):
        lstm_states(
            lstm,
            torch.tensor([3]),
            torch.zeros(3, TEXT),
            torch.zeros(3, dtype=torch.long),
            torch.zeros(0, 0),
            nothing,
            torch.tensor([0, step]),
        )
