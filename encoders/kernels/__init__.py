"""The inner loops of encoders: what they compute, whichever code computes it.

This module is the only one that others import. On a CPU, float32 and float64 go through compiled loops (:mod:`.cpu`);
everything else through :mod:`.reference`, which says in torch what is computed, runs on any device, and is what the
tests compare the loops with. Both have gradients.

:mod:`bench.kernels.doors` says how one of the two is chosen.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from bench.kernels.doors import compiles, loops
from encoders.kernels import reference
from encoders.kernels.layout import TYPES, NodeLayout

__all__ = ["LEAKY_SLOPE", "TYPES", "NodeLayout", "elu", "elu_sums", "lstm_states", "pair_logits", "typed_means"]

LEAKY_SLOPE = reference.LEAKY_SLOPE
_COMPILED_TYPES = (torch.float32, torch.float64)


def elu(values: Tensor) -> Tensor:
    """``x`` where it is positive, ``exp(x) - 1`` elsewhere; off by less than 2e-7 for float32 on a CPU."""
    return _kernels(values).elu(values)


def elu_sums(rows: Tensor, source: Tensor, factor: Tensor, target: Tensor, targets: int) -> Tensor:
    r"""Sums of ELUs of scaled rows: :math:`\sum_{e:\, target_e = t} \mathrm{ELU}(factor_e\, rows_{source_e})`.

    That is equation 6 over the members of a step, and equation 7 over the steps of a session.

    Args:
        rows: (u, d).
        source: (e,) the row that each edge sends.
        factor: (e,) what it is multiplied by; no gradient goes there.
        target: (e,) the row of the result that it is added to.
        targets: rows of the result.

    Returns:
        (targets, d).
    """
    return _kernels(rows).elu_sums(rows, source, factor, target, targets)


def typed_means(
    layout: NodeLayout, left: Tensor, right: Tensor, values: Tensor, weight: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    r"""Attention over the neighbours of each type, averaged over sessions: what equations 1, 2, 4 and 5 share.

    .. math::
        v_i^p = \sigma\Big(\sum_{j \in N_i, \phi(j) = p} \alpha_{ij}^p v_j\Big), \qquad
        \alpha_{ij}^p = \mathrm{softmax}_j\, \mathrm{LeakyReLU}(left_i + right_j)

    with ELU as σ; :math:`v_i^p` is zero where i has no neighbour of type p.

    Args:
        layout: the nodes of B sessions.
        left, right: (u,) parts of the logit, of the receiving and of the sending node, for each source.
        values: (u, d) for each source.
        weight, bias: (d,) and (1,), :math:`W^g` and :math:`b^g`.

    Returns:
        (B, P, d) means over i of :math:`v_i^p`, and (B, P) sums over i of :math:`\sigma(W^g v_i^p + b^g)`.
    """
    return _kernels(values).typed_means(layout, left, right, values, weight, bias)


def pair_logits(left: Tensor, right: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    """(A, B) logits of all pairs: ``bias + sum over k of weights[k] * ReLU(left[k, a] + right[k, b])``; no gradient.

    Args:
        left, right: (d, A) and (d, B) hidden units of either side of a pair.
        weights, bias: (d,) and (1,) of the last layer.
    """
    return _kernels(left).pair_logits(left, right, weights, bias)


def lstm_states(
    lstm: nn.LSTM, lengths: Tensor, text: Tensor, kinds: Tensor, learnt: Tensor, learnt_steps: Tensor, wanted: Tensor
) -> Tensor:
    """(n, H) the states of an LSTM after some steps of B sequences; H is the width of a state.

    A step's input is its text, its kind, one-hot, and what is learnt of it, side by side.

    Args:
        lstm: of one layer and one direction.
        lengths: (B,) steps of each sequence, T in all and more than none.
        text: (T, a) of the steps, those of one sequence after those of another; no gradient goes there.
        kinds: (T,) from 0 to below the inputs that text and learnt columns leave.
        learnt: (M, b) of the steps ``learnt_steps`` (M,), added up where one stands there twice; 0 for all others.
        wanted: (n,) the steps after which the states are wanted.
    """
    return _kernels(text).lstm_states(lstm, lengths, text, kinds, learnt, learnt_steps, wanted)


class _Kernels(Protocol):
    """What both modules offer."""

    def elu(self, values: Tensor) -> Tensor: ...

    def elu_sums(self, rows: Tensor, source: Tensor, factor: Tensor, target: Tensor, targets: int) -> Tensor: ...

    def typed_means(
        self, layout: NodeLayout, left: Tensor, right: Tensor, values: Tensor, weight: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor]: ...

    def pair_logits(self, left: Tensor, right: Tensor, weights: Tensor, bias: Tensor) -> Tensor: ...

    def lstm_states(
        self,
        lstm: nn.LSTM,
        lengths: Tensor,
        text: Tensor,
        kinds: Tensor,
        learnt: Tensor,
        learnt_steps: Tensor,
        wanted: Tensor,
    ) -> Tensor: ...


def _kernels(values: Tensor) -> _Kernels:
    """The module that computes on such a tensor."""
    if not compiles(values, *_COMPILED_TYPES):
        return reference
    found: _Kernels = loops("encoders.kernels.cpu") or reference
    return found
