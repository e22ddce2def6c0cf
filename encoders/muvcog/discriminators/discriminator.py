"""What scores a pair of session vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Discriminator(nn.Module, ABC):
    """A learnt score of pairs of session vectors, one from each view: the logit of being of one session.

    Its sides differ: an anchor's vector comes from one view, the other's from the other view.
    """

    @abstractmethod
    def forward(self, anchors: Tensor, others: Tensor) -> Tensor:
        """(B,) logits of the pairs (anchors[i], others[i]), both (B, d)."""

    @abstractmethod
    def all_pairs(self, anchors: Tensor, others: Tensor) -> Tensor:
        """(A, B) logits of every anchor (A, d) with every other (B, d), without gradient: negatives are mined there."""
