"""The content encoder: a vector of a query or a title from its words, by self-attention, then attention per dimension.

Chen et al., TOIS 2021 (https://doi.org/10.1145/3448127); public code https://github.com/xuanyuan14/HSCM-master.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from baselines.hscm.history import Words


class ContentEncoder(nn.Module):
    r"""An encoder of word sequences (the public code's ``ContentEncoder``, before its attention over a session).

    With X the projected words of one text, P their positions as sinusoids and every softmax over the words,

    .. math::
        A &= \mathrm{softmax}(Q K^\top / \sqrt{d})\, V W_o, \qquad
        H = \mathrm{LayerNorm}(A + X) + P \\
        c &= \sum_i \mathrm{softmax}_i(W_2 \tanh(W_1 H_i)) \odot H_i

    Positions come after the attention, so queries, keys and values depend on the word alone: they are computed once
    per distinct word of a batch, not per token, with :math:`W_o` already applied to the values. Layers have biases, as
    in the public code, but for those that would shift all logits of a softmax alike (of K and :math:`W_2`).

    Args:
        hidden: d.
        dropout: of attention weights and of A.
        longest: number of words of the longest text.
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
        """(n, d) contents of texts; zero for a text without words.

        Args:
            words: the texts.
            rows: (n,) the texts that are encoded.
            word_vectors: (V, dims.words).
            project: from dims.words to d.
        """
        starts, lengths = words.offsets[rows], words.offsets[rows + 1] - words.offsets[rows]  # (n,) each
        order, buckets = [], []  # texts of similar lengths are padded together
        lower, upper = 0, 4
        while lower < self.longest:
            texts = ((lengths > lower) & (lengths <= upper)).nonzero().squeeze(1)  # (n',)
            if len(texts):
                position = torch.arange(int(lengths[texts].max()), device=rows.device)  # (L,)
                there = position < lengths[texts].unsqueeze(1)  # (n', L)
                token = (starts[texts].unsqueeze(1) + position) * there  # (n', L)
                buckets.append((words.words[token], there))
                order.append(texts)
            lower, upper = upper, 2 * upper
        content = word_vectors.new_zeros(len(rows), self.hidden)  # (n, d)
        if not buckets:
            return content
        occurs = torch.zeros(len(word_vectors), dtype=torch.bool, device=rows.device)  # (V,)
        for ids, _ in buckets:
            occurs[ids.flatten()] = True
        table_row = occurs.cumsum(0) - 1  # (V,) row in the table of each word that occurs
        table = self._word_table(project(word_vectors[occurs]))  # (V', 4d)
        encoded = [self._encode(table, table_row[ids], there) for ids, there in buckets]
        return content.index_copy(0, torch.cat(order), torch.cat(encoded))

    def _word_table(self, embedded: Tensor) -> Tensor:
        """(V', 4d) query, key, value with the output layer applied, and embedding, of embedded words (V', d)."""
        value = nn.functional.linear(self.value(embedded), self.output.weight)  # (V', d)
        query = self.query(embedded) / math.sqrt(self.hidden)  # (V', d)
        return torch.cat([query, self.key(embedded), value, embedded], dim=1)

    def _encode(self, table: Tensor, rows: Tensor, there: Tensor) -> Tensor:
        """(n, d) contents of texts of one bucket.

        Args:
            table: (V', 4d) of :meth:`_word_table`.
            rows: (n, L) rows of the table.
            there: (n, L) whether a word exists; texts are padded.
        """
        texts, length = rows.shape
        words = table.index_select(0, rows.flatten()).view(texts, length, -1)  # (n, L, 4d)
        query, key, value, embedded = words.split(self.hidden, dim=2)  # (n, L, d) each
        weights = torch.bmm(query, key.transpose(1, 2))  # (n, L, L)
        weights = weights.masked_fill(~there.unsqueeze(1), -1e9).softmax(dim=2)  # (n, L, L)
        attended = torch.bmm(self.dropout(weights), value) + self.output.bias  # (n, L, d)
        content = self.norm(self.dropout(attended) + embedded) + self.positions[:length]  # (n, L, d)
        return attend(self.outer(torch.tanh(self.inner(content))), content, there)


def attend(scores: Tensor, values: Tensor, there: Tensor) -> Tensor:
    """Attention per dimension: the sum of values over L, weighted by the softmax of the scores over L.

    Args:
        scores, values: (n, L, d) each.
        there: (n, L) whether an entry exists; each row has at least one.

    Returns:
        (n, d).
    """
    weights = scores.masked_fill(~there.unsqueeze(2), -1e9).softmax(dim=1)  # (n, L, d)
    return (weights * values).sum(dim=1)


def sinusoids(positions: int, width: int) -> Tensor:
    """(positions, width) sinusoid encodings of the positions 1, 2 … (Vaswani et al., NeurIPS 2017, section 3.5)."""
    position = torch.arange(1, positions + 1, dtype=torch.float64).unsqueeze(1)
    dimension = torch.arange(width, dtype=torch.float64)
    angle = position / 10000 ** (2 * (dimension // 2) / width)
    return torch.where(dimension % 2 == 0, angle.sin(), angle.cos()).float()
