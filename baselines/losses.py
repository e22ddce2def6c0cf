"""What the losses of the click models share: pairs of candidates, and weight decay as a penalty."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class WeightPenalty:
    """The L2 penalty ``weight_decay / 2 · |w|²`` over all parameters w.

    Its gradient is what torch's optimisers add for their option ``weight_decay``, as which the public codes have it.

    Args:
        model: whose parameters; all of them must be there. They are listed once, since a walk through the modules takes
            as long as a light model's layer.
        weight_decay: 0 for none.
    """

    def __init__(self, model: nn.Module, weight_decay: float) -> None:
        self._weights, self._weight_decay = list(model.parameters()), weight_decay

    def __call__(self) -> Tensor | None:
        """Scalar, or None where there is no weight decay."""
        return _Penalty.apply(self._weight_decay, *self._weights) if self._weight_decay else None  # type: ignore[no-untyped-call]


def click_pairs(clicks: Tensor, shown: Tensor) -> Tensor:
    """(B, K, K) bool, true at (b, i, j) where query b's candidate i was clicked and its candidate j was not.

    Args:
        clicks: (B, K) 1 for a clicked candidate, else 0.
        shown: (B, K) whether a candidate exists; lists are padded.
    """
    clicked, unclicked = (clicks > 0) & shown, (clicks == 0) & shown  # (B, K) each
    return clicked.unsqueeze(2) & unclicked.unsqueeze(1)


class _Penalty(torch.autograd.Function):
    """The penalty, in one call: a square and a sum for each parameter would take a fifth of a cheap step."""

    @staticmethod
    def forward(ctx: Any, weight_decay: float, *parameters: Tensor) -> Tensor:
        """The penalty, a scalar."""
        ctx.weight_decay = weight_decay
        ctx.save_for_backward(*parameters)
        flat = torch.cat([parameter.flatten() for parameter in parameters])
        return 0.5 * weight_decay * torch.dot(flat, flat)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """``weight_decay`` times each parameter, times the incoming gradient."""
        return None, *torch._foreach_mul(ctx.saved_tensors, ctx.weight_decay * gradients[0])
