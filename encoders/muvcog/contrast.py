"""Positives, negatives and loss of MUVCOG's contrast (KDD 2022, section 3.4, equation 9)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.data.batch import SessionBatch
from encoders.muvcog.graph import sorted_distinct


def mask_one_step(batch: SessionBatch, draws: torch.Generator) -> SessionBatch:
    """The positives: every session without one random step, its words and image. Sessions of one step stay whole."""
    steps = batch.num_steps
    drawn = (torch.rand(len(batch), generator=draws).to(batch.device) * steps).long()
    drawn = torch.minimum(drawn, steps - 1)
    maskable = steps > 1
    masked = torch.zeros(len(batch.step_kind), dtype=torch.bool, device=batch.device)
    masked[(batch.first_step + drawn)[maskable]] = True
    return batch.without_steps(masked)


def hard_negatives(scores: Tensor, barred: Tensor) -> tuple[Tensor, Tensor]:
    """The hardest negative of each anchor: the batch member that scores highest.

    Args:
        scores: (B, B) logits of anchor i with member j.
        barred: (B, B) bool, true where j shares something with i, and on the diagonal.

    Returns:
        ``(negative, exists)``: (B,) the member, and (B,) bool, false where every member is barred.
    """
    scores = scores.masked_fill(barred, -torch.inf)
    best, negative = scores.max(1)
    return negative, best > -torch.inf


def random_negatives(barred: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """As :func:`hard_negatives`, drawn uniformly from the members that are not barred (Figure 5)."""
    return hard_negatives(torch.rand(barred.shape, generator=generator).to(barred.device), barred)


def sharing(items: Tensor, owner: Tensor, sessions: int) -> Tensor:
    """Pairs of sessions that share an item, (B, B) bool; true on the diagonal.

    Args:
        items: (n,) what the sessions hold: clicked items, or products.
        owner: (n,) the session, 0 … B - 1, of each.
        sessions: B.
    """
    bits = sessions.bit_length()
    pair = sorted_distinct((items.long() << bits) | owner)  # distinct (item, session)
    _, item = torch.unique_consecutive(pair >> bits, return_inverse=True)
    owner = pair & ((1 << bits) - 1)
    shared = torch.bincount(item) > 1 if len(item) else item.bool()  # most items are in one session only
    kept = shared[item]
    column = torch.cumsum(shared, 0) - 1
    holds = torch.zeros(sessions, int(shared.sum()), device=items.device)
    holds[owner[kept], column[item[kept]]] = 1
    pairs = (holds @ holds.T) > 0
    pairs.fill_diagonal_(True)
    return pairs


def contrast_loss(positive: Tensor, negative: Tensor, exists: Tensor) -> Tensor:
    """Mean over anchors of the negative of equation 9's BCE: -[log σ(positive) + log(1 - σ(negative))].

    Args:
        positive, negative: (B,) logits.
        exists: (B,) bool, false where an anchor has no negative and so no second term.
    """
    return (F.softplus(-positive) + F.softplus(negative) * exists).mean()
