"""Images gathered and converted at once are those that two passes give, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.data.features import Features

IMAGES = np.random.default_rng(0).integers(-127, 128, (20, 12)).astype(np.int8)
FEATURES = Features(torch.zeros(3, 2), IMAGES)


@pytest.fixture(params=["", "reference"], ids=["loops", "reference"], autouse=True)
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_KERNELS", request.param)


def test_they_are_the_numbers_over_127_in_two_passes_or_in_one() -> None:
    rows = torch.tensor([3, 3, 19, 0])
    two = torch.from_numpy(IMAGES)[rows].float().mul_(1 / 127)
    assert torch.equal(FEATURES.images(rows), two)
    assert torch.equal(FEATURES.images_or_zero(torch.tensor([[3, -1], [19, 0]]))[[0, 1, 1], [0, 0, 1]], two[[0, 2, 3]])
    assert not FEATURES.images_or_zero(torch.tensor([-1])).any()


@pytest.mark.parametrize("row", [20, -2])
def test_a_row_that_is_not_there_is_an_error_not_what_lies_beside(row: int) -> None:
    with pytest.raises(IndexError, match=f"rows 0 to 19, not {row}$"):
        FEATURES.images_or_zero(torch.tensor([3, row, 0]))
