"""The reference: no encoder at all."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.features import Dims


class Vanilla(SessionEncoder):
    """A vector of width 0: the baseline as it is, through the same joining layer as with any other encoder.

    Args:
        dims: widths of word and image vectors.
    """

    def __init__(self, dims: Dims) -> None:
        super().__init__(dims)
        self.output_dim = 0

    def forward(self, batch: SessionBatch) -> Tensor:
        """(B, 0)."""
        return torch.empty(len(batch), 0, device=batch.device)
