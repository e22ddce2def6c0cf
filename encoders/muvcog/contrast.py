"""Multi-view contrast of MUVCOG (KDD 2022, section 3.4, equation 9): discriminators, hard negatives, loss."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from encoders.kernels import pair_logits
from encoders.muvcog.graph import sorted_distinct


class Discriminator(nn.Module):
    """MLP [2d, d, 1] that scores a pair of session vectors; returns logits.

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
        # Glorot as for the one matrix (2d -> d) that the two halves are
        bound = (6.0 / (3 * width)) ** 0.5
        for half in (self.left, self.right):
            nn.init.uniform_(half.weight, -bound, bound)
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


def hard_negatives(scores: Tensor, barred: Tensor) -> tuple[Tensor, Tensor]:
    """For each anchor the batch member that looks most like a positive.

    Args:
        scores: (B, B) logits of anchor i with member j.
        barred: (B, B) bool, true where j shares a clicked item with i, and on the diagonal.

    Returns:
        ``(negative, exists)``: (B,) the member, and (B,) bool, false where every member is barred.
    """
    scores = scores.masked_fill(barred, -torch.inf)
    best, negative = scores.max(1)
    return negative, best > -torch.inf


def random_negatives(barred: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """As :func:`hard_negatives`, drawn uniformly from the members that are not barred (Figure 5)."""
    return hard_negatives(torch.rand(barred.shape, generator=generator).to(barred.device), barred)


def shared_clicks(items: Tensor, owner: Tensor, sessions: int) -> Tensor:
    """(B, B) bool: which sessions of a batch share a clicked item; true on the diagonal.

    Args:
        items: (clicks,) clicked items.
        owner: (clicks,) the session, 0 … B - 1, of each.
        sessions: B.
    """
    bits = sessions.bit_length()
    pair = sorted_distinct((items.long() << bits) | owner)  # distinct (item, session)
    _, item = torch.unique_consecutive(pair >> bits, return_inverse=True)
    owner = pair & ((1 << bits) - 1)
    shared = torch.bincount(item) > 1 if len(item) else item.bool()  # most items are clicked in one session only
    kept = shared[item]
    column = torch.cumsum(shared, 0) - 1
    clicked = torch.zeros(sessions, int(shared.sum()), device=items.device)
    clicked[owner[kept], column[item[kept]]] = 1
    barred = (clicked @ clicked.T) > 0
    barred.fill_diagonal_(True)
    return barred


def contrast_loss(positive: Tensor, negative: Tensor, exists: Tensor) -> Tensor:
    """Mean over anchors of the negative of equation 9's BCE: -[log σ(positive) + log(1 - σ(negative))].

    Args:
        positive, negative: (B,) logits.
        exists: (B,) bool, false where an anchor has no negative and so no second term.
    """
    return (F.softplus(-positive) + F.softplus(negative) * exists).mean()
