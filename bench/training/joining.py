"""Concat before matching: how every session vector enters every click model (paper, section 4.2).

The harness joins, not the baseline and not the encoder: ``context' = Linear([context ; session])``, back to the width
of the context. ``vanilla`` goes through the same layer with a session of width 0, so that no gain can come from an
added layer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.contracts import ClickBatch, ClickModel, SessionEncoder
from bench.training.standardising import Standardise


class JoinedClickModel(nn.Module):
    """A click model with a session vector joined to its context.

    Args:
        model: the baseline.
        encoder: the session encoder. It is a part of this module, trained along, unless ``frozen``.
        frozen: session vectors come from outside and are standardised.
    """

    def __init__(self, model: ClickModel, encoder: SessionEncoder, frozen: bool) -> None:
        super().__init__()
        self.model = model
        self.encoder = None if frozen else encoder
        width = encoder.output_dim
        self.join = nn.Linear(model.context_dim + width, model.context_dim)
        nn.init.xavier_uniform_(self.join.weight)
        nn.init.zeros_(self.join.bias)
        self.standardise = Standardise(width)  # learns from the training split's frozen vectors

    def forward(self, batch: ClickBatch, vectors: Tensor | None = None) -> Tensor:
        """(B, K) scores of the candidates in ``batch``, with frozen session ``vectors`` (B, width) or without."""
        if self.encoder is not None:
            session = self.encoder(batch.sessions)  # (B, width)
        elif vectors is not None:
            session = self.standardise(vectors)
        else:
            raise ValueError("a frozen encoder needs its vectors")
        context = self.join(torch.cat([self.model.context(batch), session], dim=1))  # (B, d)
        return self.model.match(context, self.model.items(batch))
