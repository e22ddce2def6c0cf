"""Weight decay as the public codes of the click models set it on their optimisers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class WeightPenalty:
    """Half of ``weight_decay`` times all squared weights.

    Its gradient is what torch's optimisers add to that of the loss for their ``weight_decay``.

    Args:
        model: whose weights; all of them must be there. They are listed once, since a walk through the modules takes
            as long as a light model's layer.
        weight_decay: 0 for none.
    """

    def __init__(self, model: nn.Module, weight_decay: float) -> None:
        self._weights, self._weight_decay = list(model.parameters()), weight_decay

    def __call__(self) -> Tensor | None:
        """Scalar, or None where there is no weight decay."""
        return _Penalty.apply(self._weight_decay, *self._weights) if self._weight_decay else None  # type: ignore[no-untyped-call]


class _Penalty(torch.autograd.Function):
    """One call for all weights, forward and backward: a square and a sum for each take a fifth of a light step."""

    @staticmethod
    def forward(ctx: Any, weight_decay: float, *weights: Tensor) -> Tensor:
        ctx.weight_decay = weight_decay
        ctx.save_for_backward(*weights)
        return 0.5 * weight_decay * torch.stack(torch._foreach_norm(weights)).square().sum()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return None, *torch._foreach_mul(ctx.saved_tensors, ctx.weight_decay * grads[0])
