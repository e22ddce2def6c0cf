"""What a session adds up to: its queries, and the feedback on queries (of this session or of others)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.hscm.content import attend, sinusoids


class SessionAttention(nn.Module):
    r"""Queries of a session in the light of each other: :math:`\mathrm{softmax}(C C^\top / d)\, C`, without weights.

    Args:
        dropout: of attention weights.
    """

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)

    def forward(self, queries: Tensor, there: Tensor) -> Tensor:
        """(B, S, d) from content vectors (B, S, d), of which those in ``there`` (B, S) exist."""
        weights = torch.bmm(queries, queries.transpose(1, 2)) / queries.shape[2]  # (B, S, S)
        weights = weights.masked_fill(~there.unsqueeze(1), -1e9).softmax(dim=2)
        return torch.bmm(self.dropout(weights), queries)


class QueryHistory(nn.Module):
    """One vector of a sequence of queries: their sum, weighted per dimension, positions added.

    Args:
        hidden: d.
        steps: S, queries in the sequence; the last is the current one, so positions count towards it.
    """

    positions: Tensor

    def __init__(self, hidden: int, steps: int) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden, bias=False)
        self.register_buffer("positions", sinusoids(steps, hidden), persistent=False)

    def forward(self, queries: Tensor, there: Tensor) -> Tensor:
        """(B, d) from (B, S, d), of which those in ``there`` (B, S) exist."""
        placed = queries + self.positions
        return attend(self.outer(torch.tanh(self.inner(placed))), placed, there)


class InteractionAggregator(nn.Module):
    r"""One vector of interactions of a query q, an item d and a click c, 1 or -1, at position p among q's:

    .. math::
        i = c \cdot \mathrm{ReLU}(\tanh(q^\top M d + b)) + P_p, \qquad
        s = \sum_k \mathrm{softmax}_k(\tanh(W_1 i_k [+ W_2 x])) \odot i_k

    with M a d × d × d tensor. The term with the current query x is there for ranking, not for suggestion.

    Args:
        hidden: d.
        items: most interactions of one query.
        query_aware: with the current query.
    """

    positions: Tensor

    def __init__(self, hidden: int, items: int, query_aware: bool) -> None:
        super().__init__()
        self.bilinear = nn.Parameter(torch.empty(hidden, hidden, hidden))  # of query, item, output
        self.bias = nn.Parameter(torch.zeros(hidden))
        self.own = nn.Linear(hidden, hidden)
        self.current = nn.Linear(hidden, hidden) if query_aware else None
        self.register_buffer("positions", sinusoids(items, hidden), persistent=False)
        nn.init.normal_(self.bilinear, std=math.sqrt(1.0 / hidden**2))  # Glorot's, as the public code's

    def forward(self, queries: Tensor, feedback: Interactions, current: Tensor | None = None) -> Tensor:
        """(B, d) of the interactions with S queries; zero where there are none.

        Args:
            queries: (B, S, d).
            feedback: P interactions with them.
            current: (B, d) the current query.
        """
        batch, steps, hidden = queries.shape
        step, place = feedback.step, feedback.place  # (P,) each
        answered, group = torch.unique_consecutive(step, return_inverse=True)  # (U,) few queries have feedback
        by_query = torch.einsum("ui,ijk->ujk", queries.flatten(0, 1)[answered], self.bilinear)  # (U, d, d)
        items = queries.new_zeros(len(answered), len(self.positions), hidden)
        items = items.index_put((group, place), feedback.items)  # (U, n, d)
        met = torch.bmm(items, by_query)[group, place] + self.bias  # (P, d)
        interactions = feedback.signs.unsqueeze(1) * torch.relu(torch.tanh(met)) + self.positions[place]

        example = step // steps
        scores = self.own(interactions)
        if self.current is not None and current is not None:
            scores = scores + self.current(current)[example]
        weights = torch.tanh(scores).exp()  # a softmax over what lies in [-1, 1] needs no maximum taken off
        both = torch.cat([weights * interactions, weights], dim=1)  # (P, 2d)
        sums = queries.new_zeros(batch, 2 * hidden).index_add(0, example, both)
        return sums[:, :hidden] / sums[:, hidden:].clamp(min=1e-9)


@dataclass(frozen=True)
class Interactions:
    """P interactions of items with the queries of B × S steps, ascending in steps.

    Attributes:
        step: (P,) b · S + s.
        place: (P,) among the interactions with that query.
        items: (P, d) contents of the items.
        signs: (P,) 1 clicked, -1 shown and not clicked.
    """

    step: Tensor
    place: Tensor
    items: Tensor
    signs: Tensor
