"""Aggregation of a session's queries, and of the feedback on queries of this session or of others, to one vector each.

Chen et al., TOIS 2021 (https://doi.org/10.1145/3448127); public code https://github.com/xuanyuan14/HSCM-master.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.hscm.content import attend, sinusoids


class SessionAttention(nn.Module):
    r"""Self-attention over the queries of a session, without parameters: :math:`\mathrm{softmax}(C C^\top / d)\, C`.

    Args:
        dropout: of attention weights.
    """

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)

    def forward(self, queries: Tensor, there: Tensor) -> Tensor:
        """(B, S, d) attended contents.

        Args:
            queries: (B, S, d) contents of the queries.
            there: (B, S) whether a query exists; sessions are padded.
        """
        weights = torch.bmm(queries, queries.transpose(1, 2)) / queries.shape[2]  # (B, S, S)
        weights = weights.masked_fill(~there.unsqueeze(1), -1e9).softmax(dim=2)  # (B, S, S)
        return torch.bmm(self.dropout(weights), queries)


class QueryHistory(nn.Module):
    """One vector of a sequence of queries: the sum of contents and positions, with attention weights per dimension.

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
        """(B, d) history vectors.

        Args:
            queries: (B, S, d) contents of the queries.
            there: (B, S) whether a query exists; sessions are padded.
        """
        positioned = queries + self.positions  # (B, S, d)
        return attend(self.outer(torch.tanh(self.inner(positioned))), positioned, there)


class InteractionAggregator(nn.Module):
    r"""One vector of a session's interactions. An interaction is of a query q, an item d and feedback c (1 for clicked,
    -1 for shown and not clicked), at position p among those with q:

    .. math::
        i = c \cdot \mathrm{ReLU}(\tanh(q^\top M d + b)) + P_p, \qquad
        s = \sum_k \mathrm{softmax}_k(\tanh(W_1 i_k [+ W_2 x])) \odot i_k

    with M a d × d × d tensor. Ranking has the term with the current query x, suggestion has not.

    Args:
        hidden: d.
        items: largest number of interactions with one query.
        query_aware: whether the term with the current query is there.
    """

    positions: Tensor

    def __init__(self, hidden: int, items: int, query_aware: bool) -> None:
        super().__init__()
        self.bilinear = nn.Parameter(torch.empty(hidden, hidden, hidden))  # (query, item, output)
        self.bias = nn.Parameter(torch.zeros(hidden))
        self.own = nn.Linear(hidden, hidden)
        self.current = nn.Linear(hidden, hidden) if query_aware else None
        self.register_buffer("positions", sinusoids(items, hidden), persistent=False)
        nn.init.normal_(self.bilinear, std=math.sqrt(1.0 / hidden**2))  # Glorot's, as the public code's

    def forward(self, queries: Tensor, feedback: Interactions, current: Tensor | None = None) -> Tensor:
        """(B, d) aggregated interactions; zero for a session without any.

        Args:
            queries: (B, S, d) contents of the queries.
            feedback: P interactions with them.
            current: (B, d) contents of the current query.
        """
        batch, steps, hidden = queries.shape
        step, position = feedback.step, feedback.place  # (P,) each
        with_feedback, group = torch.unique_consecutive(step, return_inverse=True)  # (U,) few queries have any, (P,)
        by_query = torch.einsum("ui,ijk->ujk", queries.flatten(0, 1)[with_feedback], self.bilinear)  # (U, d, d)
        items = queries.new_zeros(len(with_feedback), len(self.positions), hidden)
        items = items.index_put((group, position), feedback.items)  # (U, n, d)
        bilinear = torch.bmm(items, by_query)[group, position] + self.bias  # (P, d)
        signs = feedback.signs.unsqueeze(1)  # (P, 1)
        interactions = signs * torch.relu(torch.tanh(bilinear)) + self.positions[position]  # (P, d)

        session = step // steps  # (P,)
        scores = self.own(interactions)  # (P, d)
        if self.current is not None and current is not None:
            scores = scores + self.current(current)[session]
        weights = torch.tanh(scores).exp()  # (P, d); within [1/e, e], so the softmax needs no maximum subtracted
        terms = torch.cat([weights * interactions, weights], dim=1)  # (P, 2d) of numerator and denominator
        sums = queries.new_zeros(batch, 2 * hidden).index_add(0, session, terms)  # (B, 2d)
        return sums[:, :hidden] / sums[:, hidden:].clamp(min=1e-9)


@dataclass(frozen=True)
class Interactions:
    """P interactions of items with the queries of B sessions of S steps, ascending in steps.

    Attributes:
        step: (P,) b · S + s for step s of session b.
        place: (P,) position among the interactions with that query, from 0.
        items: (P, d) contents of the items.
        signs: (P,) 1 for clicked, -1 for shown and not clicked.
    """

    step: Tensor
    place: Tensor
    items: Tensor
    signs: Tensor
