"""The LSTM over packed sequences against torch's own, in value and in every gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence

from encoders.kernels import lstm_states, packed_places, reference

WIDTH, FIXED, LEARNT = 6, 5, 3
SIZES = [[1], [4], [4, 4, 4], [9, 5, 5, 2, 1], [1] * 30]


def last_rows(sizes: list[int]) -> Tensor:
    """(B,) the packed row of each sequence's last step."""
    lengths = [sum(size > sequence for size in sizes) for sequence in range(sizes[0])]
    return torch.tensor([sum(sizes[: length - 1]) + row for row, length in enumerate(lengths)])


def lstm_of(learnt: int) -> nn.LSTM:
    torch.manual_seed(0)
    return nn.LSTM(FIXED + learnt, WIDTH, batch_first=True)


@pytest.mark.parametrize("lengths", [[], [0], [1], [0, 3, 0], [2, 2, 2], [3, 1, 5, 1, 0, 5, 2]], ids=str)
def test_steps_are_packed_as_torch_packs_them(lengths: list[int]) -> None:
    given = torch.tensor(lengths, dtype=torch.int64)
    place, sizes = packed_places(given)
    for ours, said in zip((place, sizes), reference.packed_places(given), strict=True):
        assert torch.equal(ours, said)
    some = [length for length in lengths if length]
    if some:  # torch takes no empty sequence
        rows = torch.arange(sum(some)).split(some)
        packed = pack_sequence([part.float() for part in rows], enforce_sorted=False)
        assert torch.equal(packed.batch_sizes, sizes)
        order = torch.empty_like(place)
        order[place] = torch.arange(len(place))
        assert torch.equal(packed.data.long(), order), "sequences of one length keep their order"


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_rows_of_last_steps_hold_the_states_that_torch_ends_with(sizes: list[int]) -> None:
    lstm, inputs = lstm_of(0), torch.randn(sum(sizes), FIXED)
    found = lstm_states(lstm, inputs, inputs[:, :0], torch.tensor(sizes), last_rows(sizes))
    torch.testing.assert_close(found, lstm(PackedSequence(inputs, torch.tensor(sizes)))[1][0][0], atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("learnt", [LEARNT, 0])
@pytest.mark.parametrize("wanted", ["last", "all", "some, one of them twice", "none"])
def test_states_and_gradients_are_those_of_torch(sizes: list[int], learnt: int, wanted: str) -> None:
    lstm, steps = lstm_of(learnt), sum(sizes)
    fixed, moving = 3 * torch.randn(steps, FIXED), torch.randn(steps, learnt)
    some = torch.randperm(steps)[: (steps + 1) // 2]
    rows = {
        "last": last_rows(sizes),
        "all": torch.arange(steps),
        "some, one of them twice": torch.cat([some, some[:1]]),
        "none": some[:0],
    }[wanted]
    weights = torch.randn(len(rows), WIDTH)

    def of_torch(lstm: nn.LSTM, fixed: Tensor, moving: Tensor, lengths: Tensor, rows: Tensor) -> Tensor:
        return lstm(PackedSequence(torch.cat([fixed, moving], dim=1), lengths))[0].data[rows]

    found = []
    for function in (lstm_states, of_torch):
        lstm.zero_grad()
        leaf = moving.clone().requires_grad_()
        out = function(lstm, fixed, leaf, torch.tensor(sizes), rows)
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
                found = lstm_states(lstm, torch.ones(2, 1), torch.zeros(2, 0), torch.tensor([1, 1]), torch.arange(2))
                assert found.isfinite().all()
                assert float(found.abs().max()) <= 1


def test_other_numbers_than_float32_go_through_torch() -> None:
    lstm = nn.LSTM(FIXED, WIDTH).double()
    inputs = torch.randn(3, FIXED).double()
    found = lstm_states(lstm, inputs, inputs[:, :0], torch.tensor([2, 1]), torch.arange(3))
    assert found.dtype == torch.float64
