"""A layer of the flat transformer, over sessions that are laid out in buckets of about the same length."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from encoders.sequences import TokenSequences


class TransformerLayer(nn.Module):
    """Attention within each session, then a feed-forward part, each added to what came in, each normalised before.

    Args:
        width: of the tokens.
        heads: of the attention.
        feedforward: hidden width of the feed-forward part.
        dropout: of either part's result, in training.
    """

    def __init__(self, width: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm_attention, self.norm_feedforward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.joined = nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, feedforward), nn.Linear(feedforward, width)

    def forward(self, rows: Tensor, sequences: TokenSequences, leading: bool = False) -> Tensor:
        """(R, width) for the rows (R, width); or (B, width), of the leading tokens alone."""
        normed = self.norm_attention(rows)
        key_value = self.key_value(normed)  # (R, 2 width)
        if leading:
            of_buckets = sequences.first[sequences.order]
            rows, normed = rows[of_buckets], normed[of_buckets]
        rows = rows + self._dropped(self.joined(self._attended(self.query(normed), key_value, sequences, leading)))
        rows = rows + self._dropped(self.narrow(F.relu(self.widen(self.norm_feedforward(rows)))))
        return torch.empty_like(rows).index_copy(0, sequences.order, rows) if leading else rows

    def _attended(self, query: Tensor, key_value: Tensor, sequences: TokenSequences, leading: bool) -> Tensor:
        """Attention of each query (n, width) over the tokens of its own session, (n, width)."""
        attended = []
        counts = [sessions * (1 if leading else length) for _, sessions, length in sequences.buckets]
        blocks = sequences.blocks(key_value, sequences.is_token)  # of (b, L, 2 width) and (b, L)
        for queries, (both, is_token) in zip(query.split(counts), blocks, strict=True):
            sessions, length = is_token.shape
            q = queries.view(sessions, -1, self.heads, queries.shape[1] // self.heads).transpose(1, 2)
            k, v = both.view(sessions, length, 2, self.heads, -1).permute(2, 0, 3, 1, 4)  # (b, heads, L, d) each
            heads = F.scaled_dot_product_attention(q, k, v, attn_mask=is_token[:, None, None])
            attended.append(heads.transpose(1, 2).reshape(queries.shape))
        return torch.cat(attended)

    def _dropped(self, rows: Tensor) -> Tensor:
        return F.dropout(rows, self.dropout, self.training)
