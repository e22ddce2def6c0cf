"""Sums of ELUs of scaled rows agree with the sum edge by edge, and so do their gradients, whatever the width."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from encoders.kernels.elu_sums import bent_sums, bent_sums_by_edges

WIDTHS = [1, 5, 16, 32, 40, 64]


def edges(width: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    draws = torch.Generator().manual_seed(width)
    rows = 2 * torch.randn(7, width, generator=draws, dtype=dtype)
    source, target = (torch.randint(count, (40,), generator=draws) for count in (7, 5))
    return rows, source, 2 * torch.rand(40, generator=draws, dtype=dtype), target


def one_by_one(rows: Tensor, source: Tensor, factor: Tensor, target: Tensor, targets: int) -> Tensor:
    edges = list(zip(source.tolist(), factor, target.tolist(), strict=True))
    sums = [[F.elu(f * rows[s]) for s, f, t in edges if t == place] for place in range(targets)]
    return torch.stack([torch.stack(found).sum(0) if found else torch.zeros_like(rows[0]) for found in sums])


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_sums_and_gradients_are_those_of_single_edges(width: int, dtype: torch.dtype, tolerance: float) -> None:
    rows, source, factor, target = edges(width, dtype)
    weights, found = torch.randn(6, width, dtype=dtype, generator=torch.Generator().manual_seed(9)), []
    for function in (one_by_one, bent_sums, bent_sums_by_edges):
        given = rows.clone().requires_grad_()
        sums = function(given, source, factor, target, 6)
        (sums * weights).sum().backward()
        found.append((sums.detach(), given.grad))
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], atol=tolerance, rtol=tolerance)
    assert not found[1][0][5].any(), "nothing is sent to the sixth"


def test_nan_is_not_lost() -> None:
    """Training stops at a loss that is not finite; a NaN must get there."""
    rows, source, factor, target = edges(32)
    rows[3, 17] = torch.nan
    sums = bent_sums(rows, source, factor, target, 5)
    reached = torch.zeros(5, dtype=torch.bool)
    reached[target[source == 3]] = True
    assert reached.any()
    assert torch.equal(sums.isnan().any(1), reached)


def test_no_edges_are_zeros() -> None:
    nothing = torch.empty(0, dtype=torch.int64)
    assert not bent_sums(torch.ones(3, 4), nothing, torch.empty(0), nothing, 2).any()
