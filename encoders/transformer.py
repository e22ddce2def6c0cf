"""The flat transformer over all words of a session, trained end to end (the paper's competitor, section 4.5)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.features import Dims
from bench.data.schema import KINDS
from bench.errors import BenchError
from encoders.pooled_images import PooledImages, check_images
from encoders.sequences import TokenSequences, merged_by_step

READOUTS = ("cls", "mean")


class TransformerEncoder(SessionEncoder):
    """A session's words in one sequence, a separator after each step, a leading token whose last vector is the session.

    The encoder of the flat transformer of Mustar, Lamprier and Piwowarski, "On the Study of Transformers for Query
    Suggestion", ACM TOIS 40(1), 2021 (https://doi.org/10.1145/3470562); its decoder writes queries and has no place
    here. With ``images="steps"`` an image is one more token of its step, behind the words. Tokens have learnt
    embeddings of their step's kind and of their position, which is counted back from the latest, so that the current
    query looks the same after any history. Layers normalise first (Xiong et al., ICML 2020): no warm-up is needed.

    Args:
        dims: widths of word and image vectors.
        output_dim: width of the tokens and of the session's vector.
        layers: of attention and feed-forward.
        heads: of each attention.
        feedforward: hidden width of the feed-forward part.
        max_length: of a sequence, the leading token included; the latest tokens are kept.
        dropout: after attention and feed-forward, in training.
        readout: ``cls``, the leading token's vector, or ``mean`` of all tokens' vectors.
        images: ``steps``: an image is a token of its step; ``pooled``: their mean is concatenated to the session's
            vector (KDD 2022, section 4.5); ``none``: the textual queries alone.
        image_dim: width of the projected mean image with ``pooled``; 0 concatenates it as it is.
    """

    def __init__(
        self,
        dims: Dims,
        output_dim: int = 64,
        layers: int = 2,
        heads: int = 4,
        feedforward: int = 128,
        max_length: int = 128,
        dropout: float = 0.1,
        readout: str = "cls",
        images: str = "steps",
        image_dim: int = 32,
    ) -> None:
        super().__init__(dims)
        check_images(images, image_dim)
        if readout not in READOUTS:
            raise BenchError(f"{readout!r} is not one of {', '.join(READOUTS)}", where="option readout")
        if output_dim % heads:
            raise BenchError(f"{heads} heads do not divide a width of {output_dim}", where="option heads")
        if min(layers, heads, feedforward) < 1 or max_length < 2:
            raise BenchError("layers, heads and feedforward are at least 1, max_length at least 2", where="transformer")
        self.max_length, self.readout = max_length, readout
        self.project_word = nn.Linear(dims.words, output_dim)
        self.project_image = nn.Linear(dims.images, output_dim) if images == "steps" else None
        self.leading = nn.Parameter(torch.empty(output_dim))
        self.separator = nn.Parameter(torch.empty(output_dim))
        self.kind = nn.Parameter(torch.empty(len(KINDS), output_dim))
        self.position = nn.Parameter(torch.empty(max_length - 1, output_dim))
        self.layers = nn.ModuleList(_Layer(output_dim, heads, feedforward, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(output_dim)
        for name, parameter in self.named_parameters():
            if name in ("leading", "separator", "kind", "position"):
                nn.init.normal_(parameter, std=0.1)
            elif parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        self.pooled = PooledImages(dims.images, image_dim) if images == "pooled" else None
        self.output_dim = output_dim + (self.pooled.width if self.pooled is not None else 0)

    def forward(self, batch: SessionBatch) -> Tensor:
        """(B, output_dim)."""
        text = self._text(batch)  # (B, width)
        return text if self.pooled is None else torch.cat([text, self.pooled(batch)], dim=1)

    def _text(self, batch: SessionBatch) -> Tensor:
        rows, sequences = self._embedded(batch)  # (R, width)
        *before, last = self.layers
        for layer in before:
            rows = layer(rows, sequences)
        if self.readout == "cls":
            return self.norm(last(rows, sequences, leading=True))  # (B, width); nobody reads the other tokens
        rows = self.norm(last(rows, sequences))
        sums = rows.new_zeros(len(batch), rows.shape[1]).index_add(0, sequences.session, rows[sequences.row])
        counts = torch.bincount(sequences.session, minlength=len(batch)) + 1
        return (sums + rows[sequences.first]) / counts.unsqueeze(1)

    def _embedded(self, batch: SessionBatch) -> tuple[Tensor, TokenSequences]:
        """(R, width) rows of the tokens that enter the first layer, padding zero."""
        steps = torch.arange(len(batch.step_kind), device=batch.device)  # a separator each
        sorts = [(batch.word_step, self.project_word(batch.features.words(batch.words)))]
        if self.project_image is not None:
            sorts.append((batch.image_step, self.project_image(batch.features.images(batch.images))))
        sorts.append((steps, self.separator.expand(len(steps), -1)))
        token_step = torch.cat([step for step, _ in sorts])  # (n,), sort after sort
        places = torch.cat(merged_by_step([step for step, _ in sorts], len(steps)))
        order = torch.empty_like(places)
        order[places] = torch.arange(len(places), device=batch.device)  # (n,) the token at each place
        token_step = token_step[order]
        sequences = TokenSequences.of(batch.step_session[token_step], len(batch), self.max_length)
        order, token_step = order[sequences.kept], token_step[sequences.kept]
        tokens = torch.cat([vectors for _, vectors in sorts]).index_select(0, order)  # (k, width)
        tokens = tokens + self.kind[batch.step_kind[token_step]] + self.position[sequences.age]
        rows = tokens.new_zeros(len(sequences.is_token), tokens.shape[1])
        rows = rows.index_copy(0, sequences.row, tokens)
        return rows.index_copy(0, sequences.first, self.leading.expand(len(batch), -1)), sequences


class _Layer(nn.Module):
    """Attention within each session, then a feed-forward part, each added to what came in."""

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
        """What each query (n, width) draws from its own session, (n, width)."""
        found = []
        asking = [sessions * (1 if leading else length) for _, sessions, length in sequences.buckets]
        blocks = sequences.blocks(key_value, sequences.is_token)  # of (b, L, 2 width) and (b, L)
        for wanted, (both, is_token) in zip(query.split(asking), blocks, strict=True):
            sessions, length = is_token.shape
            q = wanted.view(sessions, -1, self.heads, wanted.shape[1] // self.heads).transpose(1, 2)
            k, v = both.view(sessions, length, 2, self.heads, -1).permute(2, 0, 3, 1, 4)  # (b, heads, L, d) each
            drawn = F.scaled_dot_product_attention(q, k, v, attn_mask=is_token[:, None, None])
            found.append(drawn.transpose(1, 2).reshape(wanted.shape))
        return torch.cat(found)

    def _dropped(self, rows: Tensor) -> Tensor:
        return F.dropout(rows, self.dropout, self.training)


class TransformerText(TransformerEncoder):
    """The flat transformer on the textual queries alone, ``images="none"``: the upper rows of Table 3.

    Args:
        dims: widths of word and image vectors.
        output_dim, layers, heads, feedforward, max_length, dropout, readout: see :class:`TransformerEncoder`.
    """

    def __init__(
        self,
        dims: Dims,
        output_dim: int = 64,
        layers: int = 2,
        heads: int = 4,
        feedforward: int = 128,
        max_length: int = 128,
        dropout: float = 0.1,
        readout: str = "cls",
    ) -> None:
        super().__init__(dims, output_dim, layers, heads, feedforward, max_length, dropout, readout, images="none")


class TransformerPooledImages(TransformerEncoder):
    """The flat transformer on the textual queries, the mean of the images concatenated: Table 3, lower rows.

    Args:
        dims: widths of word and image vectors.
        output_dim, layers, heads, feedforward, max_length, dropout, readout: see :class:`TransformerEncoder`.
        image_dim: see :class:`TransformerEncoder`.
    """

    def __init__(
        self,
        dims: Dims,
        output_dim: int = 64,
        layers: int = 2,
        heads: int = 4,
        feedforward: int = 128,
        max_length: int = 128,
        dropout: float = 0.1,
        readout: str = "cls",
        image_dim: int = 32,
    ) -> None:
        super().__init__(
            dims, output_dim, layers, heads, feedforward, max_length, dropout, readout, "pooled", image_dim
        )
