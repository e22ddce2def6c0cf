"""Weight decay as the public codes of the click models set it on their optimisers."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def weight_penalty(model: nn.Module, weight_decay: float) -> Tensor | None:
    """Half of ``weight_decay`` times all squared weights, None for 0.

    Its gradient is what torch's optimisers add to that of the loss for their ``weight_decay``.
    """
    if not weight_decay:
        return None
    weights = nn.utils.parameters_to_vector(model.parameters())  # one product, not one for each parameter
    return 0.5 * weight_decay * torch.dot(weights, weights)
