"""The content encoder: a query or a title from its words, with self-attention and then attention per dimension."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from baselines.hscm.history import Words


class ContentEncoder(nn.Module):
    r"""Vectors of word sequences (the public code's ``ContentEncoder``, before its attention over a session).

    With X the projected words of one text, P their positions as sinusoids and every softmax over the words,

    .. math::
        A &= \mathrm{softmax}(Q K^\top / \sqrt{d})\, V W_o, \qquad
        H = \mathrm{LayerNorm}(A + X) + P \\
        c &= \sum_i \mathrm{softmax}_i(W_2 \tanh(W_1 H_i)) \odot H_i

    Positions come after the attention, so queries, keys and values depend on the word alone: they are computed once
    per distinct word of a batch, not per token, with :math:`W_o` already applied to the values. Layers have biases, as
    in the public code, but for those that would shift all logits of a softmax alike (those of K and W_2).

    Args:
        hidden: d.
        dropout: of attention weights and of A.
        longest: words of the longest text.
    """

    positions: Tensor

    def __init__(self, hidden: int, dropout: float, longest: int) -> None:
        super().__init__()
        self.hidden, self.longest = hidden, longest
        self.query, self.value = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)
        self.key = nn.Linear(hidden, hidden, bias=False)
        self.output = nn.Linear(hidden, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.inner, self.outer = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("positions", sinusoids(longest, hidden), persistent=False)

    def forward(self, words: Words, rows: Tensor, word_vectors: Tensor, project: nn.Module) -> Tensor:
        """(n, d) vectors of the texts ``rows`` (n,) of ``words``; zero for a text without words.

        Args:
            words: the texts.
            rows: which of them.
            word_vectors: (V, dims.words).
            project: from dims.words to d.
        """
        starts, lengths = words.offsets[rows], words.offsets[rows + 1] - words.offsets[rows]
        order, grids = [], []  # texts of similar lengths are padded together
        lower, upper = 0, 4
        while lower < self.longest:
            chosen = ((lengths > lower) & (lengths <= upper)).nonzero().squeeze(1)
            if len(chosen):
                place = torch.arange(int(lengths[chosen].max()), device=rows.device)
                there = place < lengths[chosen].unsqueeze(1)  # (n', L)
                token = (starts[chosen].unsqueeze(1) + place) * there
                grids.append((words.words[token], there))
                order.append(chosen)
            lower, upper = upper, 2 * upper
        content = word_vectors.new_zeros(len(rows), self.hidden)
        if not grids:
            return content
        met = torch.zeros(len(word_vectors), dtype=torch.bool, device=rows.device)
        for ids, _ in grids:
            met[ids.flatten()] = True
        number = met.cumsum(0) - 1  # (V,) place of each word that occurs
        table = self._by_word(project(word_vectors[met]))  # (V', 4d)
        parts = [self._encode(table, number[ids], there) for ids, there in grids]
        return content.index_copy(0, torch.cat(order), torch.cat(parts))

    def _by_word(self, embedded: Tensor) -> Tensor:
        """(V', 4d) query, key, value through the output layer, and the word itself, of words (V', d)."""
        value = nn.functional.linear(self.value(embedded), self.output.weight)
        query = self.query(embedded) / math.sqrt(self.hidden)
        return torch.cat([query, self.key(embedded), value, embedded], dim=1)

    def _encode(self, table: Tensor, ids: Tensor, there: Tensor) -> Tensor:
        """(n, d) from the words (n, L), of which those in ``there`` (n, L) exist."""
        rows, length = ids.shape
        found = table.index_select(0, ids.flatten()).view(rows, length, -1)
        query, key, value, embedded = found.split(self.hidden, dim=2)  # (n, L, d) each
        weights = torch.bmm(query, key.transpose(1, 2))  # (n, L, L)
        weights = weights.masked_fill(~there.unsqueeze(1), -1e9).softmax(dim=2)
        attended = torch.bmm(self.dropout(weights), value) + self.output.bias
        content = self.norm(self.dropout(attended) + embedded) + self.positions[:length]
        return attend(self.outer(torch.tanh(self.inner(content))), content, there)


def attend(scores: Tensor, values: Tensor, there: Tensor) -> Tensor:
    """(n, d) sum of ``values`` (n, L, d) with weights softmax over L of ``scores`` (n, L, d), dimension by dimension.

    Only places in ``there`` (n, L) count, of which each row has one at least.
    """
    weights = scores.masked_fill(~there.unsqueeze(2), -1e9).softmax(dim=1)
    return (weights * values).sum(dim=1)


def sinusoids(positions: int, width: int) -> Tensor:
    """(positions, width) sinusoid encodings of the positions 1, 2 … (Vaswani et al., NeurIPS 2017, section 3.5)."""
    position = torch.arange(1, positions + 1, dtype=torch.float64).unsqueeze(1)
    dimension = torch.arange(width, dtype=torch.float64)
    angle = position / 10000 ** (2 * (dimension // 2) / width)
    return torch.where(dimension % 2 == 0, angle.sin(), angle.cos()).float()
