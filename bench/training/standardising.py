"""Frozen session vectors, standardised by the training split's mean and deviation."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Standardise(nn.Module):
    """(x - mean) / deviation, entry by entry; an entry that is constant in training becomes 0.

    Args:
        width: of the vectors.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))

    def learn(self, vectors: Tensor) -> None:
        """Takes mean and deviation from the training split's vectors (n, width)."""
        self.mean = vectors.mean(0)
        deviation = vectors.std(0) if len(vectors) > 1 and vectors.numel() else torch.ones_like(self.mean)
        self.deviation = torch.where(deviation > 1e-6, deviation, torch.inf)

    def forward(self, vectors: Tensor) -> Tensor:
        """(n, width)."""
        return (vectors - self.mean) / self.deviation
