"""The flat transformer over all words of a session, trained end to end (the paper's competitor, section 4.5)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.features import Dims
from bench.data.schema import KINDS
from bench.plugins.options import read_options
from encoders.options import TransformerOptions
from encoders.pooled_images import PooledImages
from encoders.sequences import TokenSequences, merged_by_step
from encoders.transformer_layer import TransformerLayer


class TransformerEncoder(SessionEncoder):
    """A session's words in one sequence, a separator after each step, a leading token whose last vector is the session.

    The encoder of the flat transformer of Mustar, Lamprier and Piwowarski, "On the Study of Transformers for Query
    Suggestion", ACM TOIS 40(1), 2021 (https://doi.org/10.1145/3470562); its decoder writes queries and is left
    out. With ``images="steps"`` an image is one more token of its step, behind the words. Tokens have learnt
    embeddings of their step's kind and of their position, which is counted back from the latest, so that the current
    query looks the same after any history. Layers normalise first (Xiong et al., ICML 2020): no warm-up is needed.

    Args:
        dims: widths of word and image vectors.
        given: see :class:`encoders.options.TransformerOptions`.
    """

    def __init__(self, dims: Dims, **given: Any) -> None:
        super().__init__(dims)
        options = read_options(TransformerOptions, given, "transformer")
        width, length = options.output_dim, options.max_length
        self.max_length, self.readout = length, options.readout
        self.project_word = nn.Linear(dims.words, width)
        self.project_image = nn.Linear(dims.images, width) if options.images == "steps" else None
        self.leading = nn.Parameter(torch.empty(width))
        self.separator = nn.Parameter(torch.empty(width))
        self.kind = nn.Parameter(torch.empty(len(KINDS), width))
        self.position = nn.Parameter(torch.empty(length - 1, width))
        self.layers = nn.ModuleList(
            TransformerLayer(width, options.heads, options.feedforward, options.dropout) for _ in range(options.layers)
        )
        self.norm = nn.LayerNorm(width)
        for name, parameter in self.named_parameters():
            if name in ("leading", "separator", "kind", "position"):
                nn.init.normal_(parameter, std=0.1)
            elif parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        self.pooled = PooledImages(dims.images, options.image_dim) if options.images == "pooled" else None
        self.output_dim = width + (self.pooled.width if self.pooled is not None else 0)

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
            return self.norm(last(rows, sequences, leading=True))  # (B, width); the other tokens are not read
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
        position = torch.cat(merged_by_step([step for step, _ in sorts], len(steps)))
        order = torch.empty_like(position)
        order[position] = torch.arange(len(position), device=batch.device)  # (n,) the token at each position
        token_step = token_step[order]
        sequences = TokenSequences.of(batch.step_session[token_step], len(batch), self.max_length)
        order, token_step = order[sequences.kept], token_step[sequences.kept]
        tokens = torch.cat([vectors for _, vectors in sorts]).index_select(0, order)  # (k, width)
        tokens = tokens + self.kind[batch.step_kind[token_step]] + self.position[sequences.age]
        rows = tokens.new_zeros(len(sequences.is_token), tokens.shape[1])
        rows = rows.index_copy(0, sequences.row, tokens)
        return rows.index_copy(0, sequences.first, self.leading.expand(len(batch), -1)), sequences
