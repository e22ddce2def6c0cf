"""A discriminator that compares: the cosine of projections of the two session vectors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from encoders.muvcog.discriminators.discriminator import Discriminator
from encoders.muvcog.temperature import inverse_temperature, new_log_scale

# Smallest norm that is divided by. A session without words and images has a vector of zeros, of which the compiled ELU
# makes some 1e-7: that must not become a direction. Vectors of others are hundreds of times as long as this.
_EPSILON = 1e-3


class CosineDiscriminator(Discriminator):
    r"""Scaled cosine of linear projections, without bias, one for either side.

    .. math:: \tau \cos(P g_s, Q g_{s'})

    It cannot say anything of one vector alone, as an MLP on the concatenation can; a pair is told by what the two have
    in common. Not in the paper, which has an MLP.

    Args:
        width: d, of one session vector; also of the projections.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.left = nn.Linear(width, width, bias=False)  # P
        self.right = nn.Linear(width, width, bias=False)  # Q
        for projection in (self.left, self.right):
            nn.init.xavier_uniform_(projection.weight)
        self.log_scale = new_log_scale()  # log τ

    def forward(self, anchors: Tensor, others: Tensor) -> Tensor:
        """(B,) logits of the pairs (anchors[i], others[i]), both (B, width)."""
        cosine = (self._unit(self.left(anchors)) * self._unit(self.right(others))).sum(1)  # (B,)
        return inverse_temperature(self.log_scale) * cosine

    @torch.no_grad()
    def all_pairs(self, anchors: Tensor, others: Tensor) -> Tensor:
        """(A, B) logits of every anchor (A, width) with every other (B, width), by one product, without gradient."""
        left = inverse_temperature(self.log_scale) * self._unit(self.left(anchors))  # (A, d)
        return left @ self._unit(self.right(others)).T  # (A, B)

    def _unit(self, vectors: Tensor) -> Tensor:
        """The vectors at length 1, in the precision of the weights also where products are of bfloat16."""
        return F.normalize(vectors.to(self.log_scale.dtype), dim=1, eps=_EPSILON)
