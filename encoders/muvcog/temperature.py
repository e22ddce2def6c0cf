"""The learnt temperature of cosine similarities (Radford et al., Learning Transferable Visual Models From Natural
Language Supervision, ICML 2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_START = 10.0
_LARGEST = 100.0  # as in CLIP: beyond it training becomes unstable


def new_log_scale() -> nn.Parameter:
    """The logarithm of the inverse temperature, a scalar parameter; it starts at that of 10."""
    return nn.Parameter(torch.tensor(_START).log())


def inverse_temperature(log_scale: Tensor) -> Tensor:
    """What cosines are multiplied by, 100 at most."""
    return log_scale.exp().clamp(max=_LARGEST)
