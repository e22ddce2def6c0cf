"""A feed-forward network with one hidden layer, from a session to the words of the next query.

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

_CHUNK = 4096  # words whose logits exist at a time while training


class FeedForward(SuggestionModel):
    r"""With s the session vector and one output per word of the vocabulary,

    .. math::
        \hat y = \sigma(W_2\, \mathrm{ReLU}(W_1 s + b_1) + b_2)

    trained by binary cross-entropy, summed over the vocabulary.

    What the paper leaves open: the hidden width; ReLU as its activation (the sigmoid is the output's); Glorot weights;
    and :math:`b_2` starts at each word's log-odds in the training answers, one half added to either side, so that
    training starts from word frequencies instead of spending epochs on them. A session of width 0 leaves the biases
    only: it ranks words by frequency.

    Args:
        dims: width of the session vector, and size of the vocabulary.
        given: see :class:`baselines.options.FeedForwardOptions`.
    """

    learning_rate = 1e-3
    batch_size = 256

    def __init__(self, dims: SuggestionDims, **given: Any) -> None:
        super().__init__(dims)
        hidden = read_options(FeedForwardOptions, given, "ffn").hidden
        self.outer = self._layer(hidden, dims.words)  # first, so that it starts the same at any width of the session
        self.inner = self._layer(dims.session, hidden) if dims.session else None

    @staticmethod
    def _layer(width: int, out: int) -> nn.Linear:
        layer = nn.Linear(width, out)
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
        return layer

    def prepare(self, word_counts: Tensor, examples: int) -> None:
        """Starts the output biases at the log-odds of the words."""
        with torch.no_grad():
            self.outer.bias.copy_(torch.log((word_counts + 0.5) / (examples - word_counts + 0.5)))

    def hidden(self, session: Tensor) -> Tensor:
        """(B, hidden) for sessions (B, dims.session)."""
        if self.inner is None:
            return session.new_zeros(len(session), self.outer.in_features)
        return F.relu(self.inner(session))

    def forward(self, session: Tensor) -> Tensor:
        """(B, V) logits."""
        return self.outer(self.hidden(session))

    def loss(self, session: Tensor, words: Tensor, owner: Tensor) -> Tensor:
        """Binary cross-entropy of all words, summed, mean over the batch."""
        outer = self.outer
        summed = _SparseCrossEntropy.apply(  # type: ignore[no-untyped-call]
            self.hidden(session), outer.weight, outer.bias, words, owner
        )
        return summed / len(session)


class _SparseCrossEntropy(torch.autograd.Function):
    r"""Binary cross-entropy of a linear layer with few positives: with logits :math:`z = W h + b`,

    .. math::
        \sum_v \mathrm{softplus}(z_v) - \sum_{v \in \text{answer}} z_v, \qquad
        \partial / \partial z_v = \sigma(z_v) - [v \in \text{answer}].

    Gradients are made in the forward pass, chunk by chunk of the vocabulary: neither logits nor targets (B, V) exist.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, words: Tensor, owner: Tensor) -> Tensor:
        """Scalar, for hidden (B, H), weight (V, H), bias (V,) and positives ``words``, ``owner`` (W,)."""
        total = hidden.new_zeros(())
        of_hidden, of_weight, of_bias = torch.zeros_like(hidden), torch.empty_like(weight), torch.empty_like(bias)
        for start in range(0, len(weight), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            logits = torch.addmm(bias[chunk], hidden, weight[chunk].t())  # (B, chunk)
            total += F.softplus(logits).sum()
            slope = logits.sigmoid_()
            of_hidden.addmm_(slope, weight[chunk])
            torch.mm(slope.t(), hidden, out=of_weight[chunk])
            torch.sum(slope, 0, out=of_bias[chunk])
        of_positive, of_word = hidden[owner], weight[words]  # (W, H)
        total -= (of_positive * of_word).sum() + bias[words].sum()
        of_hidden.index_add_(0, owner, of_word, alpha=-1)
        of_weight.index_add_(0, words, of_positive, alpha=-1)
        of_bias.index_add_(0, words, torch.ones_like(bias[words]), alpha=-1)
        ctx.save_for_backward(of_hidden, of_weight, of_bias)
        return total

    @staticmethod
    def backward(ctx: Any, *outgoing: Tensor) -> Any:
        """Scales the gradients made before."""
        return *(gradient * outgoing[0] for gradient in ctx.saved_tensors), None, None
