"""The paper's discriminator: an MLP on the two session vectors, concatenated (KDD 2022, section 3.4)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from encoders.kernels import pair_logits
from encoders.muvcog.discriminators.discriminator import Discriminator


def glorot_halves(left: nn.Linear, right: nn.Linear) -> None:
    """Glorot's initialisation of two matrices as the halves of the one, ``[left, right]``, that they are."""
    bound = (6.0 / (2 * left.in_features + left.out_features)) ** 0.5
    for half in (left, right):
        nn.init.uniform_(half.weight, -bound, bound)


class MlpDiscriminator(Discriminator):
    """MLP [2d, d, 1] on the concatenation, one hidden layer, as in the released code.

    The first layer on a concatenation splits into two, ``W1 [g, g'] = W_left g + W_right g'``, so that all B x B pairs
    cost two products of B vectors and an addition. The last layer is linear: a ReLU under the sigmoid could never say
    "negative".

    Args:
        width: d, of one session vector; also of the hidden layer.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.left = nn.Linear(width, width)
        self.right = nn.Linear(width, width, bias=False)
        self.last = nn.Linear(width, 1)
        glorot_halves(self.left, self.right)
        nn.init.xavier_uniform_(self.last.weight)
        for layer in (self.left, self.last):
            nn.init.zeros_(layer.bias)

    def forward(self, anchors: Tensor, others: Tensor) -> Tensor:
        """(B,) logits of the pairs (anchors[i], others[i]), both (B, width)."""
        return self.last(F.relu(self.left(anchors) + self.right(others))).squeeze(1)

    @torch.no_grad()
    def all_pairs(self, anchors: Tensor, others: Tensor) -> Tensor:
        """(A, B) logits of every anchor (A, width) with every other (B, width), without gradient."""
        left, right = self.left(anchors).T.contiguous(), self.right(others).T.contiguous()  # (d, A), (d, B)
        return pair_logits(left, right, self.last.weight[0], self.last.bias)
