"""What a dropout keeps is what torch's own draws say, and the generator goes on where torch's would."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bench.kernels import dropout_draws
from bench.kernels.dropout_draws import kept_entries


@pytest.fixture(autouse=True)
def the_generator_as_it_was() -> Iterator[None]:
    state = torch.get_rng_state()
    yield
    torch.set_rng_state(state)


def both(shape: tuple[int, ...], share: float) -> tuple[list[Tensor], list[Tensor]]:
    """What is kept and the state afterwards: ours, and torch's from the same state."""
    before = torch.get_rng_state()
    ours = [kept_entries(shape, share), torch.get_rng_state()]
    torch.set_rng_state(before)
    return ours, [torch.rand(shape, dtype=torch.float64) < 1 - share, torch.get_rng_state()]


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**63 - 1),
    before=st.integers(0, 1300),  # 32-bit draws: none, some of a state, all of it, an odd number
    size=st.integers(0, 2000),
    share=st.floats(0, 1, exclude_min=True, exclude_max=True),
)
def test_they_are_torchs_to_the_bit(seed: int, before: int, size: int, share: float) -> None:
    torch.manual_seed(seed)
    torch.rand(before)
    for _ in range(2):
        for one, other in zip(*both((size,), share), strict=True):
            assert torch.equal(one, other)


def test_a_normal_number_that_torch_has_in_store_stays_there() -> None:
    """It draws two at a time, and hands the second out at the next call."""
    torch.manual_seed(1)
    pair = torch.empty(2, dtype=torch.float64).normal_()
    torch.manual_seed(1)
    first = torch.empty(1, dtype=torch.float64).normal_()
    assert kept_entries((3, 50), 0.5).shape == (3, 50)
    assert torch.equal(torch.cat([first, torch.empty(1, dtype=torch.float64).normal_()]), pair)


@pytest.mark.parametrize("unknown", ["another length", "another order", "other draws"])
def test_a_torch_that_keeps_its_state_otherwise_draws_by_itself(unknown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if unknown == "another length":
        monkeypatch.setattr(dropout_draws, "_BYTES", 5048)
    elif unknown == "another order":
        monkeypatch.setattr(dropout_draws, "_NEXT", 0)
    else:
        monkeypatch.setattr(dropout_draws, "_as_torch_draws", lambda: False)
    monkeypatch.setattr(dropout_draws, "_draw", None)
    torch.manual_seed(2**40)
    for one, other in zip(*both((40,), 0.3), strict=True):
        assert torch.equal(one, other)


def test_other_draws_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a torch that takes other bits of the same numbers."""
    assert dropout_draws._as_torch_draws.__wrapped__()
    monkeypatch.setattr(dropout_draws, "_bound", lambda share: 2**52)
    assert not dropout_draws._as_torch_draws.__wrapped__()
