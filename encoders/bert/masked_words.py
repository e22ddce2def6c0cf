"""Masked language modelling (Devlin et al., NAACL 2019) as the objective of a pretraining."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.training.context import TrainingContext
from bench.training.objective import PretrainingStep
from encoders.bert.tokens import MASK, SPECIAL_TOKENS

if TYPE_CHECKING:
    from encoders.bert.model import BertFeatures


class MaskedWords(nn.Module):
    """See :class:`bench.training.objective.Objective`. The head that predicts masked words is thrown away afterwards.

    Args:
        encoder: with its vocabulary.
        context: of the pretraining.
        frequent: share of the most frequent word among all words.
    """

    def __init__(self, encoder: BertFeatures, context: TrainingContext, frequent: float) -> None:
        super().__init__()
        self.encoder, self._context, self._frequent = encoder, context, frequent
        tokens, width = encoder.bert.get_input_embeddings().weight.shape
        self.transform, self.norm = nn.Linear(width, width), nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(tokens))
        draws = context.torch_generator("masked words head")
        nn.init.xavier_uniform_(self.transform.weight, generator=draws)
        nn.init.zeros_(self.transform.bias)

    def loss(self, rows: NDArray[np.int64], step: PretrainingStep, draws: torch.Generator) -> Tensor:
        """Cross-entropy of the masked words."""
        logits, words = self.predicted(rows, draws)
        return F.cross_entropy(logits, words) if len(words) else logits.sum()

    def accuracy(self, rows: NDArray[np.int64], draws: torch.Generator) -> float:
        """Share of masked words that are predicted."""
        logits, words = self.predicted(rows, draws)
        return float((logits.argmax(1) == words).double().mean()) if len(words) else 0.0

    def plateau(self, batch: int) -> float:
        """Twice the accuracy of always predicting the most frequent word."""
        return 2 * self._frequent

    def predicted(self, rows: NDArray[np.int64], draws: torch.Generator) -> tuple[Tensor, Tensor]:
        """Logits (m, tokens) of the masked words of these sessions, and the words (m,)."""
        encoder = self.encoder
        tokens = encoder.tokens(self._context.sessions(rows))
        device = tokens.ids.device
        words = tokens.ids[tokens.word_row]  # (k,)
        chance = torch.rand(2, len(words), generator=draws).to(device)
        vocabulary = max(len(self.bias), SPECIAL_TOKENS + 1)
        other = torch.randint(SPECIAL_TOKENS, vocabulary, (len(words),), generator=draws).to(device)
        masked = (chance[0] < encoder.options.mask_share) & (words >= SPECIAL_TOKENS)
        shown = torch.where(chance[1] < 0.8, MASK, torch.where(chance[1] < 0.9, other, words))
        tokens.ids[tokens.word_row[masked]] = shown[masked].clamp(max=len(self.bias) - 1)
        hidden = encoder.hidden(tokens)[tokens.word_row[masked]]  # (m, width)
        table = encoder.bert.get_input_embeddings().weight
        return F.linear(self.norm(F.gelu(self.transform(hidden))), table, self.bias), words[masked]
