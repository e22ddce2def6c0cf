"""Positives, negatives and loss of MUVCOG's contrast (KDD 2022, section 3.4, equation 9)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.data.batch import SessionBatch
from bench.training.ranks import ALONE, Share
from encoders.muvcog.graph import sorted_distinct

_LISTED = 4  # pairs that are listed for each entry of the matrix, at most: 32 bytes each


def mask_one_step(batch: SessionBatch, draws: torch.Generator, share: Share | None = None) -> SessionBatch:
    """The positives: every session without one random step, its words and image. Sessions of one step stay whole.

    Args:
        batch: b sessions.
        draws: decides on the steps.
        share: that these sessions are of the batch for which is drawn; None where they are all of it.
    """
    steps = batch.num_steps
    drawn = ((share or ALONE.share(len(batch))).drawn(draws).to(batch.device) * steps).long()
    drawn = torch.minimum(drawn, steps - 1)
    # not masked[rows of the maskable] = True: on a GPU that waits for the host. One row more, as a last session without
    # steps begins behind all; and bool has no maximum
    masked = torch.zeros(len(batch.step_kind) + 1, dtype=torch.int8, device=batch.device)
    masked.scatter_reduce_(0, batch.first_step + drawn.clamp(min=0), (steps > 1).to(torch.int8), "amax")
    return batch.without_steps(masked[:-1].bool())


def hard_negatives(scores: Tensor, barred: Tensor) -> tuple[Tensor, Tensor]:
    """The hardest negative of each anchor: the batch member that scores highest.

    Args:
        scores: (b, B) logits of anchor i with member j.
        barred: (b, B) bool, true where j shares something with i, or is i.

    Returns:
        ``(negative, exists)``: (b,) the member, and (b,) bool, false where every member is barred.
    """
    scores = scores.masked_fill(barred, -torch.inf)
    best, negative = scores.max(1)
    return negative, best > -torch.inf


def random_negatives(barred: Tensor, generator: torch.Generator, share: Share | None = None) -> tuple[Tensor, Tensor]:
    """As :func:`hard_negatives`, drawn uniformly from the members that are not barred (Figure 5).

    Args:
        barred: see there.
        generator: draws a number for each pair of the batch: on a CPU itself, elsewhere on the device, by a seed of it.
        share: that the anchors are of the batch; None where they are all of it.
    """
    share = share or ALONE.share(len(barred))
    if barred.device.type == "cpu":
        return hard_negatives(share.drawn(generator, share.total), barred)
    # numbers for 16,384² pairs would be drawn for seconds on a CPU; drawn apart, they need not be equal on all ranks
    seed = int(torch.randint(2**62, (), generator=generator)) + share.start
    there = torch.Generator(barred.device).manual_seed(seed)
    return hard_negatives(torch.rand(barred.shape, generator=there, device=barred.device), barred)


def sharing(items: Tensor, owner: Tensor, sessions: int, share: Share | None = None) -> Tensor:
    """Pairs of an anchor and a session that share an item, (b, B) bool; true where both are the same session.

    Args:
        items: (n,) what the sessions hold: clicked items, or products.
        owner: (n,) the session, 0 … B - 1, of each.
        sessions: B.
        share: which of them are anchors; None where all are.
    """
    share = share or ALONE.share(sessions)
    bits = sessions.bit_length()
    pair = sorted_distinct((items.long() << bits) | owner)  # distinct (item, session), by item
    _, item = torch.unique_consecutive(pair >> bits, return_inverse=True)
    owner = pair & ((1 << bits) - 1)
    holders = torch.bincount(item) if len(item) else item  # of each item
    if items.device.type == "cpu" and (listed := int(holders.square().sum())) <= _LISTED * sessions**2:
        pairs = _listed(item, owner, holders, listed, sessions)[share.own]
    else:
        pairs = _multiplied(item, owner, holders > 1, sessions, share)
    pairs.diagonal(share.start).fill_(True)
    return pairs


def _listed(item: Tensor, owner: Tensor, holders: Tensor, listed: int, sessions: int) -> Tensor:
    """(B, B) bool, by a list of all ``listed`` pairs of holders of an item: most items have few."""
    repeats = holders[item]  # (n,) how many sessions hold the item of each holding
    holding = torch.repeat_interleave(repeats, output_size=listed)  # (p,)
    first = (holders.cumsum(0) - holders)[item] - (repeats.cumsum(0) - repeats)  # (n,) of its item, less its first pair
    one, other = owner[holding], owner[first[holding] + torch.arange(listed)]  # (p,)
    pairs = torch.zeros(sessions, sessions, dtype=torch.bool)
    pairs[one, other] = True
    return pairs


def _multiplied(item: Tensor, owner: Tensor, shared: Tensor, sessions: int, share: Share) -> Tensor:
    """(b, B) bool, by a product of matrices: what GPUs do best, and no slower where many share an item."""
    kept = torch.nonzero(shared[item]).squeeze(1)  # most items are in one session only
    column = torch.cumsum(shared, 0) - 1
    # 0 and 1 are exact in bfloat16, and a sum of them is 0 only if all are
    exact = torch.float32 if item.device.type == "cpu" else torch.bfloat16
    holds = torch.zeros(sessions, int(shared.sum()), device=item.device, dtype=exact)
    holds[owner[kept], column[item[kept]]] = 1
    return (holds[share.own] @ holds.T) > 0


def contrast_loss(positive: Tensor, negative: Tensor, exists: Tensor) -> Tensor:
    """Mean over anchors of the negative of equation 9's BCE: -[log σ(positive) + log(1 - σ(negative))].

    Args:
        positive, negative: (b,) logits.
        exists: (b,) bool, false where an anchor has no negative and so no second term.
    """
    return (F.softplus(-positive) + F.softplus(negative) * exists).mean()
