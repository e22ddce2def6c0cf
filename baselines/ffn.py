"""FFN: a feed-forward network with one hidden layer, from a session vector to the words of the next query.

Paper: Liu et al., "Pretraining Representations of Multi-modal Multi-query E-commerce Search", KDD 2022, section 4.5.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.options import FeedForwardOptions
from bench.contracts import SuggestionDims, SuggestionModel
from bench.plugins.options import read_options

_CHUNK_WORDS = 4096  # whose logits exist at a time while training


class FeedForward(SuggestionModel):
    r"""A suggestion model with one output per word of the vocabulary: for a session vector s,

    .. math::
        \hat y = \sigma(W_2\, \mathrm{ReLU}(W_1 s + b_1) + b_2)

    It is trained by binary cross-entropy, summed over the vocabulary.

    The paper leaves open the hidden width, its activation (here ReLU; the sigmoid is the output's) and the initial
    weights (here Glorot's). :math:`b_2` starts at each word's log-odds in the training answers, one half added to
    either side, so that training starts from word frequencies instead of spending epochs on them. With a session
    vector of width 0 only the biases are left, and words are ranked by frequency.

    Args:
        dims: width of the session vector, and size of the vocabulary.
        given: see :class:`baselines.options.FeedForwardOptions`.
    """

    learning_rate = 1e-3
    batch_size = 256

    def __init__(self, dims: SuggestionDims, **given: Any) -> None:
        super().__init__(dims)
        hidden = read_options(FeedForwardOptions, given, "ffn").hidden
        self.outer = self._layer(hidden, dims.words)  # made first: its weights do not depend on the session's width
        self.inner = self._layer(dims.session, hidden) if dims.session else None

    @staticmethod
    def _layer(width: int, out: int) -> nn.Linear:
        """A linear layer with Glorot weights and no bias yet."""
        layer = nn.Linear(width, out)
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
        return layer

    def prepare(self, word_counts: Tensor, examples: int) -> None:
        """Sets the output biases to the words' log-odds.

        Args:
            word_counts: (V,) training examples whose answer has the word.
            examples: number of training examples.
        """
        with torch.no_grad():
            self.outer.bias.copy_(torch.log((word_counts + 0.5) / (examples - word_counts + 0.5)))

    def hidden(self, session: Tensor) -> Tensor:
        """(B, hidden) hidden layer of session vectors (B, dims.session)."""
        if self.inner is None:
            return session.new_zeros(len(session), self.outer.in_features)
        return F.relu(self.inner(session))

    def forward(self, session: Tensor) -> Tensor:
        """(B, V) logits."""
        return self.outer(self.hidden(session))

    def loss(self, session: Tensor, words: Tensor, owner: Tensor) -> Tensor:
        """Binary cross-entropy, summed over the vocabulary, mean over the batch.

        Args:
            session: (B, dims.session).
            words, owner: (W,) words of the answers, and the example 0 … B - 1 of each.
        """
        outer = self.outer
        summed = _SparseCrossEntropy.apply(  # type: ignore[no-untyped-call]
            self.hidden(session), outer.weight, outer.bias, words, owner
        )
        return summed / len(session)


class _SparseCrossEntropy(torch.autograd.Function):
    r"""Binary cross-entropy of a linear layer with few positive targets: with logits :math:`z = W h + b`,

    .. math::
        \sum_v \mathrm{softplus}(z_v) - \sum_{v \in \text{answer}} z_v, \qquad
        \partial / \partial z_v = \sigma(z_v) - [v \in \text{answer}].

    Gradients are computed in the forward pass, in chunks of the vocabulary, so that logits and targets (B, V) never
    exist as a whole.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, words: Tensor, owner: Tensor) -> Tensor:
        """The summed loss, a scalar.

        Args:
            ctx: keeps the gradients.
            hidden: (B, H) h.
            weight, bias: (V, H) and (V,), W and b.
            words, owner: (W,) the positive words, and the example 0 … B - 1 of each.
        """
        loss = hidden.new_zeros(())
        hidden_gradient = torch.zeros_like(hidden)  # (B, H)
        weight_gradient, bias_gradient = torch.empty_like(weight), torch.empty_like(bias)  # (V, H), (V,)
        for start in range(0, len(weight), _CHUNK_WORDS):
            chunk = slice(start, start + _CHUNK_WORDS)
            logits = torch.addmm(bias[chunk], hidden, weight[chunk].t())  # (B, chunk)
            loss += F.softplus(logits).sum()
            probability = logits.sigmoid_()  # (B, chunk), in place of the logits
            hidden_gradient.addmm_(probability, weight[chunk])
            torch.mm(probability.t(), hidden, out=weight_gradient[chunk])
            torch.sum(probability, 0, out=bias_gradient[chunk])
        positive_hidden, positive_weight = hidden[owner], weight[words]  # (W, H) each
        loss -= (positive_hidden * positive_weight).sum() + bias[words].sum()
        hidden_gradient.index_add_(0, owner, positive_weight, alpha=-1)
        weight_gradient.index_add_(0, words, positive_hidden, alpha=-1)
        bias_gradient.index_add_(0, words, torch.ones_like(bias[words]), alpha=-1)
        ctx.save_for_backward(hidden_gradient, weight_gradient, bias_gradient)
        return loss

    @staticmethod
    def backward(ctx: Any, *incoming: Tensor) -> Any:
        """The gradients of the forward pass, times the incoming gradient (a scalar)."""
        return *(gradient * incoming[0] for gradient in ctx.saved_tensors), None, None
