"""HSCM's second task: prediction of the words of the session's next query."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.hscm.history import Words


class NextWords(nn.Module):
    r"""A distribution over the vocabulary, for the words of the next query:

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
        """(B, V) log probabilities of the words.

        Args:
            parts: (B, 4d) z.
            common: (B, d) W z.
            embedded: (V, d) the projected vocabulary.
        """
        context = torch.tanh(self.own(parts) + common)  # (B, d)
        return F.log_softmax(context @ torch.tanh(self.candidate(embedded)).T, dim=1)

    def loss(self, parts: Tensor, common: Tensor, embedded: Tensor, words: Words, texts: Tensor) -> Tensor:
        """The mean negative log probability of the next query's words, mean over the batch's queries.

        Args:
            parts, common, embedded: as in :meth:`forward`.
            words: the texts.
            texts: (B,) text of the next query; -1 without one, which counts as a loss of 0.
        """
        lengths = torch.where(texts >= 0, words.offsets[texts + 1] - words.offsets[texts.clamp(min=0)], 0)  # (B,)
        known = (lengths > 0).nonzero().squeeze(1)  # (n,)
        lengths = lengths[known]  # (n,)
        starts = words.offsets[texts[known]]  # (n,)
        owner = torch.repeat_interleave(torch.arange(len(known), device=texts.device), lengths)  # (W,)
        position = torch.arange(len(owner), device=texts.device) - (lengths.cumsum(0) - lengths)[owner]  # (W,)
        target = words.words[starts[owner] + position]  # (W,)
        log_probability = self(parts[known], common[known], embedded)[owner, target] / lengths[owner]  # (W,)
        return -log_probability.sum() / max(len(texts), 1)
