"""Discriminators: mining looks at the logits that the loss sees, and a score of nothing harms no gradient."""

from __future__ import annotations

import pytest
import torch

from encoders.muvcog.discriminators import Discriminator, build_discriminator, two_hidden
from encoders.muvcog.discriminators.two_hidden import TwoHiddenMlpDiscriminator
from encoders.options import MuvcogOptions

KINDS = {
    "mlp": {"score": "mlp"},
    "mlp of two hidden layers": {"score": "mlp", "mlp_hidden": 2},
    "cosine": {"score": "cosine"},
}


def made(kind: str, width: int = 6) -> Discriminator:
    torch.manual_seed(0)
    return build_discriminator(MuvcogOptions(view_dim=width, **KINDS[kind]))  # type: ignore[arg-type]


@pytest.mark.parametrize("kernels", ["compiled", "reference"])
@pytest.mark.parametrize("kind", KINDS)
def test_all_pairs_are_single_pairs(kind: str, kernels: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_KERNELS", kernels)
    discriminator = made(kind)
    for parameter in discriminator.parameters():
        torch.nn.init.uniform_(parameter, -0.9, 0.9)
    anchors, others = torch.randn(7, 6), torch.randn(9, 6)
    with torch.no_grad():
        single = torch.stack([discriminator(anchor.expand(9, 6), others) for anchor in anchors])
    pairs = discriminator.all_pairs(anchors.requires_grad_(), others)
    torch.testing.assert_close(pairs, single)
    assert not pairs.requires_grad


@pytest.mark.parametrize("kind", KINDS)
def test_the_sides_of_a_pair_differ(kind: str) -> None:
    """They come from different views."""
    discriminator, one, other = made(kind), torch.randn(5, 6), torch.randn(5, 6)
    assert not torch.allclose(discriminator(one, other), discriminator(other, one), atol=1e-3)


def test_a_cosine_ignores_lengths_and_is_scaled_by_100_at_most() -> None:
    discriminator, one, other = made("cosine"), torch.randn(5, 6), torch.randn(5, 6)
    logits = discriminator(one, other)
    torch.testing.assert_close(discriminator(7 * one, other / 3), logits)
    assert float(logits.detach().abs().max()) <= 10.0, "the inverse temperature starts at 10"
    with torch.no_grad():
        discriminator.get_parameter("log_scale").fill_(9.0)
    torch.testing.assert_close(discriminator(one, other), 10 * logits)


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_of_zeros_give_finite_logits_and_gradients(kind: str) -> None:
    """Those of sessions that hold neither words nor images, as masking may leave them."""
    discriminator, one, other = made(kind), torch.randn(3, 6), torch.randn(3, 6)
    one[1], other[2] = 0, 0
    one.requires_grad_()
    logits = discriminator(one, other)
    logits.square().sum().backward()
    assert logits.isfinite().all()
    assert one.grad is not None
    assert one.grad.isfinite().all()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in discriminator.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_reaches_no_logit_of_the_loss(kind: str) -> None:
    discriminator, one, other = made(kind), torch.randn(50, 6), torch.randn(50, 6)
    with torch.no_grad():
        whole = discriminator(one, other)
        with torch.autocast("cpu", torch.bfloat16):
            half = discriminator(one, other)
    torch.testing.assert_close(half.float(), whole, atol=0.2, rtol=0.05)


def test_two_hidden_layers_are_those_of_64_and_32_neurons_on_the_concatenation() -> None:
    discriminator, one, other = made("mlp of two hidden layers", 32), torch.randn(9, 32), torch.randn(9, 32)
    weights = {name: value.detach() for name, value in discriminator.named_parameters()}
    first = torch.cat([weights["left.weight"], weights["right.weight"]], dim=1)
    assert [tuple(w.shape) for w in (first, weights["second.weight"], weights["last.weight"])] == [
        (64, 64),
        (32, 64),
        (1, 32),
    ]
    bound = (6 / (64 + 64)) ** 0.5
    assert 0.95 * bound < float(first.abs().max()) <= bound, "Glorot's bound of the whole matrix"
    hidden = torch.relu(torch.cat([one, other], dim=1) @ first.T + weights["left.bias"])
    hidden = torch.relu(hidden @ weights["second.weight"].T + weights["second.bias"])
    expected = (hidden @ weights["last.weight"].T + weights["last.bias"])[:, 0]
    torch.testing.assert_close(discriminator(one, other), expected)


@pytest.mark.parametrize("block", [1, 12 * 9, 3 * 12 * 9, 10**6])
def test_blocks_of_anchors_change_no_logit(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    discriminator, anchors, others = made("mlp of two hidden layers"), torch.randn(7, 6), torch.randn(9, 6)
    whole = discriminator.all_pairs(anchors, others)
    largest: list[int] = []
    original = TwoHiddenMlpDiscriminator._logits

    def spy(self: TwoHiddenMlpDiscriminator, first: torch.Tensor) -> torch.Tensor:
        largest.append(first.numel())
        return original(self, first)

    monkeypatch.setattr(two_hidden, "_BLOCK", block)
    monkeypatch.setattr(TwoHiddenMlpDiscriminator, "_logits", spy)
    torch.testing.assert_close(discriminator.all_pairs(anchors, others), whole)
    assert max(largest) <= max(block, 12 * 9), "no more in memory than a block, or one anchor"
