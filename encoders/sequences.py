"""Sessions as one flat sequence of tokens each, laid out for attention: nothing is padded further than its neighbours.

Sessions of about the same length share a **bucket**, a block of rows that is padded to its longest session only. Every
other layer runs over the rows of all buckets at once, so a batch with a long tail costs little more than its tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_BUCKET = 16  # sessions; few enough that lengths in a bucket are alike, enough for the products to be worth a call


@dataclass(frozen=True)
class TokenSequences:
    """The rows, R of them, in which the tokens of B sessions are laid out. The first row of a session is that of a
    leading token of its own.

    Attributes:
        buckets: first row, sessions and rows per session of each bucket.
        order: (B,) the session of each block of rows.
        is_token: (R,) bool, false for padding.
        first: (B,) row of each session's leading token.
        kept: (n,) bool, false for a token that was cut off.
        row: (k,) row of each kept token.
        age: (k,) position of each kept token counted from the latest, which is 0.
        session: (k,) session of each kept token.
    """

    buckets: tuple[tuple[int, int, int], ...]
    order: Tensor
    is_token: Tensor
    first: Tensor
    kept: Tensor
    row: Tensor
    age: Tensor
    session: Tensor

    @classmethod
    def of(cls, session: Tensor, num_sessions: int, max_length: int) -> TokenSequences:
        """Lays out tokens.

        Args:
            session: (n,) the session of each token, ascending.
            num_sessions: B.
            max_length: of a sequence, the leading token included; the latest tokens are kept.
        """
        device = session.device
        counts = torch.bincount(session, minlength=num_sessions)  # (B,)
        age = counts.cumsum(0)[session] - 1 - torch.arange(len(session), device=device)  # (n,)
        kept = age < max_length - 1
        session, age = session[kept], age[kept]
        lengths = counts.clamp(max=max_length - 1) + 1  # (B,)

        order = torch.argsort(lengths, stable=True)  # (B,)
        longest = torch.stack([part[-1] for part in lengths[order].split(_BUCKET)]).tolist() if num_sessions else []
        buckets, start = [], 0
        for number, length in enumerate(longest):
            sessions = min(_BUCKET, num_sessions - number * _BUCKET)
            buckets.append((start, sessions, length))
            start += sessions * length
        by_length = [
            torch.arange(first, first + sessions * length, length, device=device) for first, sessions, length in buckets
        ]
        first = torch.empty_like(lengths)
        first[order] = torch.cat(by_length) if by_length else lengths
        row = first[session] + (lengths[session] - 1 - age)  # (k,)
        is_token = torch.zeros(start, dtype=torch.bool, device=device)
        is_token[row] = True
        is_token[first] = True
        return cls(tuple(buckets), order, is_token, first, kept, row, age, session)

    def blocks(self, *rows: Tensor) -> Iterator[tuple[Tensor, ...]]:
        """For each bucket of b sessions and length L, its rows of each (R, …) as (b, L, …), a view."""
        # split, not slices: the gradient of a slice is as large as the whole
        parts = [values.split([sessions * length for _, sessions, length in self.buckets]) for values in rows]
        for (_, sessions, length), *blocks in zip(self.buckets, *parts, strict=True):
            yield tuple(block.unflatten(0, (sessions, length)) for block in blocks)


def merged_by_step(steps: Sequence[Tensor], num_steps: int) -> list[Tensor]:
    """Merges tokens of several sorts into one order: by step, within a step by sort, within a sort as they come.

    Args:
        steps: for each sort the step (n_i,) of each token, ascending.
        num_steps: T.

    Returns:
        for each sort the position (n_i,) of each token in the merged order.
    """
    counts = torch.stack([torch.bincount(step, minlength=num_steps) for step in steps], dim=1)  # (T, sorts)
    starts = (counts.flatten().cumsum(0) - counts.flatten()).view_as(counts)
    return [
        starts[:, sort][step] + torch.arange(len(step), device=step.device) - (count.cumsum(0) - count)[step]
        for sort, (step, count) in enumerate(zip(steps, counts.unbind(1), strict=True))
    ]
