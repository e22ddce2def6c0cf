"""Dropout with torch's own draws, several times as fast on a CPU."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from bench.kernels import dropped


class Dropout(nn.Dropout):
    """As ``nn.Dropout``, to the bit and to the state of the generator afterwards."""

    def forward(self, input: Tensor) -> Tensor:
        """The input, scaled, with a share of ``p`` of its entries 0; in evaluation the input itself."""
        if not self.training or self.inplace or not 0 < self.p < 1:
            return F.dropout(input, self.p, self.training, self.inplace)
        return dropped(input, self.p)
