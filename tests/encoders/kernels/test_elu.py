"""Our ELU is ELU: values within rounding, slopes exact, NaN and infinities as torch has them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from encoders.kernels import elu

EVERYWHERE = torch.cat(
    [torch.linspace(-150, 30, 400_001), torch.linspace(-1e-3, 1e-3, 20_001), torch.tensor([0.0, -0.0, 1e30, -1e30])]
)


def test_values_are_those_of_expm1_within_rounding() -> None:
    exact = F.elu(EVERYWHERE.double())
    assert float((elu(EVERYWHERE).double() - exact).abs().max()) < 2e-7


def test_slopes_are_those_of_torch() -> None:
    slopes = []
    for function in (elu, F.elu):
        values = EVERYWHERE.clone().requires_grad_()
        function(values).sum().backward()
        slopes.append(values.grad)
    torch.testing.assert_close(slopes[0], slopes[1], atol=3e-7, rtol=0)


def test_nan_stays_nan_and_infinities_stay_what_they_are() -> None:
    found = elu(torch.tensor([float("nan"), float("inf"), -float("inf")]))
    assert found[0].isnan()
    assert found[1:].tolist() == pytest.approx([float("inf"), -1.0])


def test_the_input_is_left_alone_whatever_its_strides() -> None:
    values = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)).T
    before = values.clone()
    torch.testing.assert_close(elu(values), F.elu(before), atol=2e-7, rtol=0)
    assert torch.equal(values, before)
    assert elu(values).shape == (4, 6)
