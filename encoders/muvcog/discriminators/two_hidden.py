"""The paper's discriminator in its other reading: [64, 32, 1] are layers, not the input of 64 and two layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from encoders.muvcog.discriminators.discriminator import Discriminator
from encoders.muvcog.discriminators.mlp import glorot_halves

_BLOCK = 2**20  # hidden units of the first layer that are in memory at a time when all pairs are scored: 4 MB


class TwoHiddenMlpDiscriminator(Discriminator):
    """MLP with hidden layers of 2d and d on the concatenation of two vectors of d.

    The first layer splits into ``W1 [g, g'] = W_left g + W_right g'``. The second reads what is no sum of two sides any
    more, so that every pair costs a product of its own: :meth:`all_pairs` takes some anchors at a time.

    Args:
        width: d, of one session vector.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.left = nn.Linear(width, 2 * width)
        self.right = nn.Linear(width, 2 * width, bias=False)
        self.second = nn.Linear(2 * width, width)
        self.last = nn.Linear(width, 1)
        glorot_halves(self.left, self.right)
        for layer in (self.second, self.last):
            nn.init.xavier_uniform_(layer.weight)
        for layer in (self.left, self.second, self.last):
            nn.init.zeros_(layer.bias)

    def forward(self, anchors: Tensor, others: Tensor) -> Tensor:
        """(B,) logits of the pairs (anchors[i], others[i]), both (B, width)."""
        return self._logits(self.left(anchors) + self.right(others))

    @torch.no_grad()
    def all_pairs(self, anchors: Tensor, others: Tensor) -> Tensor:
        """(A, B) logits of every anchor (A, width) with every other (B, width), without gradient."""
        left, right = self.left(anchors), self.right(others)  # (A, 2d), (B, 2d)
        block = max(1, _BLOCK // max(right.numel(), 1))  # anchors at a time
        logits = [self._logits(part.unsqueeze(1) + right) for part in left.split(block)]
        return torch.cat(logits)  # (A, B)

    def _logits(self, first: Tensor) -> Tensor:
        """(…,) logits from the first layer's sums (…, 2d)."""
        return self.last(F.relu(self.second(F.relu(first)))).squeeze(-1)
