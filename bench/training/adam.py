"""Adam (Kingma and Ba, 2015) in one pass over the weights, without the compiler that ``torch.optim`` brings along.

The first step of any optimiser of ``torch.optim`` imports ``torch._dynamo``, and with it sympy, mpmath and the rest of
the compiler: that takes a worker about as long as importing torch, for nothing that is used here. This one calls the
kernel that ``torch.optim.Adam(fused=True)`` calls, and gives the same weights to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


class Adam:
    """Adam with the usual betas; weights without a gradient are left alone.

    Args:
        parameters: what is trained; all on one device and of one type.
        learning_rate: may be changed between steps.
        weight_decay: added to the gradient, as a penalty on the squared norm would.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], learning_rate: float, weight_decay: float = 0.0) -> None:
        self.parameters = list(parameters)
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        device = self.parameters[0].device if self.parameters else None
        self._steps = torch.zeros(len(self.parameters), device=device)  # (n,) in one tensor: one addition for all
        self.state: dict[int, dict[str, Tensor]] = {}
        """By the place of the parameter: ``step``, its number in ``_steps``, and the moving means ``exp_avg`` and
        ``exp_avg_sq``."""

    def zero_grad(self) -> None:
        """Forgets all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Moves every weight that has a gradient."""
        gradients = {row: one.grad for row, one in enumerate(self.parameters) if one.grad is not None}
        if not gradients:
            return
        for row in gradients:
            if row not in self.state:
                parameter = self.parameters[row]
                self.state[row] = {
                    "step": self._steps[row],
                    "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format),
                    "exp_avg_sq": torch.zeros_like(parameter, memory_format=torch.preserve_format),
                }
        steps = [self.state[row]["step"] for row in gradients]
        if len(steps) == len(self.parameters):
            self._steps.add_(1)
        else:
            torch._foreach_add_(steps, 1)
        torch._fused_adam_(
            [self.parameters[row] for row in gradients],
            list(gradients.values()),
            [self.state[row]["exp_avg"] for row in gradients],
            [self.state[row]["exp_avg_sq"] for row in gradients],
            [],
            steps,
            lr=self.learning_rate,
            beta1=_BETA1,
            beta2=_BETA2,
            weight_decay=self.weight_decay,
            eps=_EPSILON,
            amsgrad=False,
            maximize=False,
        )

    def tensors(self) -> dict[str, Tensor]:
        """The state as named tensors, for a checkpoint."""
        return {
            f"{row}.{name}": value.clone() if name == "step" else value  # a file takes no two parts of one tensor
            for row, values in self.state.items()
            for name, value in values.items()
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Puts back what :meth:`tensors` gave."""
        self.state = {}
        self._steps.zero_()
        for name, value in tensors.items():
            place, _, entry = name.partition(".")
            row = int(place)
            kept = self._steps[row].copy_(value) if entry == "step" else value.to(self.parameters[row].device)
            self.state.setdefault(row, {})[entry] = kept
