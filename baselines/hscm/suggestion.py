"""The second task: which words the next query of the session will have."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.hscm.history import Words


class NextWords(nn.Module):
    r"""Scores every word of the vocabulary as a word of the next query.

    .. math::
        u = \tanh(W_s z + W z), \qquad p(w) = \mathrm{softmax}_w(u \cdot \tanh(W_c e_w))

    with z the four parts of the context, W shared with the ranking and :math:`e_w` the projected word.

    Args:
        hidden: d.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.own, self.candidate = nn.Linear(4 * hidden, hidden), nn.Linear(hidden, hidden)

    def forward(self, parts: Tensor, common: Tensor, embedded: Tensor) -> Tensor:
        """(B, V) log probabilities, from z (B, 4d), W z (B, d) and the projected vocabulary (V, d)."""
        context = torch.tanh(self.own(parts) + common)  # (B, d)
        return F.log_softmax(context @ torch.tanh(self.candidate(embedded)).T, dim=1)

    def loss(self, parts: Tensor, common: Tensor, embedded: Tensor, words: Words, texts: Tensor) -> Tensor:
        """Mean over the batch's queries of the mean negative log probability of the next query's words.

        Args:
            parts, common, embedded: as in :meth:`forward`.
            words: of the texts.
            texts: (B,) text of the next query, -1 without one.
        """
        lengths = torch.where(texts >= 0, words.offsets[texts + 1] - words.offsets[texts.clamp(min=0)], 0)
        known = (lengths > 0).nonzero().squeeze(1)
        lengths = lengths[known]  # (n,)
        first = words.offsets[texts[known]]
        owner = torch.repeat_interleave(torch.arange(len(known), device=texts.device), lengths)
        place = torch.arange(len(owner), device=texts.device) - (lengths.cumsum(0) - lengths)[owner]
        target = words.words[first[owner] + place]
        likelihood = self(parts[known], common[known], embedded)[owner, target] / lengths[owner]
        return -likelihood.sum() / max(len(texts), 1)
