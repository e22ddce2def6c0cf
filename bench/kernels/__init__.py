"""Inner loops that several components share, and what compiles loops on a CPU and keeps the machine code.

For components this module is the door: it says what each function computes, whichever code computes it. On a CPU
float32 goes through compiled loops (:mod:`.cpu`); everything else through :mod:`.reference`, in torch, with which the
tests compare the loops. Both have gradients. :mod:`.doors` says how one of the two is chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from bench.kernels import reference
from bench.kernels.doors import compiles, loops

__all__ = ["dropped", "elu_layers", "mean_rows", "negative_distances", "pair_hinge"]

Layer = tuple[Tensor, Tensor]
"""Weight (out, in) and bias (out,) of a linear layer."""


def elu_layers(
    inputs: Sequence[Tensor], towers: Sequence[Sequence[Layer]], joint: Sequence[Layer] = (), dropout: float = 0.0
) -> Tensor:
    r"""(…, d) of towers of layers, one over each input, and of joint layers over what the towers give, side by side.

    A layer is :math:`h_n = \mathrm{ELU}(W_n h_{n-1} + b_n)`.

    Args:
        inputs: (…, in) of each tower; the same rows in all.
        towers: the layers of each, at least one.
        joint: the layers after them.
        dropout: share of the outputs of a tower's layers, except its last, that is set to 0, the others scaled to the
            same mean; drawn as by :func:`dropped`.
    """
    return _kernels(inputs[0]).elu_layers(inputs, towers, joint, dropout)


def negative_distances(contexts: Tensor, items: Tensor) -> Tensor:
    """(B, K) scores of candidates (B, K, d): minus their Euclidean distance to contexts (B, d), 1e-6 added to every
    difference.

    As ``triplet_margin_loss`` has it: equal vectors have no root of 0, whose slope is infinite.
    """
    return _kernels(items).negative_distances(contexts, items)


def dropped(values: Tensor, share: float) -> Tensor:
    """The values, a ``share`` of them set to 0 and the others scaled to the same mean: dropout, to the bit as torch's.

    On a CPU torch 2.13 draws a Bernoulli number from a double number below ``1 - share``, one call for each; here one
    compiled loop draws them all (:mod:`.dropout_draws`). (torch 2.6 has MKL draw.)
    """
    return _kernels(values).dropped(values, share)


def mean_rows(vectors: Tensor, rows: Tensor, owner: Tensor, owners: int) -> Tensor:
    """(owners, d) mean of the vectors of each owner's rows, zero for one without; no gradient.

    Args:
        vectors: (V, d).
        rows: (W,) of vectors.
        owner: (W,) whose each row is, 0 … owners - 1, ascending.
        owners: how many there are.

    Raises:
        IndexError: vectors do not have such a row. On a GPU that is an error of the device, and comes later.
    """
    return _kernels(vectors).mean_rows(vectors, rows, owner, owners)


def pair_hinge(scores: Tensor, clicks: Tensor, shown: Tensor, margin: float) -> Tensor:
    r"""The mean of :math:`\max(0, m - s^+ + s^-)` over the pairs of a clicked and an unclicked candidate of one query.

    Args:
        scores: (B, K).
        clicks: (B, K) 1 for a clicked candidate, else 0.
        shown: (B, K) bool, whether a candidate exists; what others score is never read.
        margin: m.

    Returns:
        scalar, 0 without a pair.
    """
    return _kernels(scores).pair_hinge(scores, clicks, shown, margin)


class _Kernels(Protocol):
    """What both modules offer."""

    def elu_layers(
        self, inputs: Sequence[Tensor], towers: Sequence[Sequence[Layer]], joint: Sequence[Layer], dropout: float
    ) -> Tensor: ...

    def dropped(self, values: Tensor, share: float) -> Tensor: ...

    def mean_rows(self, vectors: Tensor, rows: Tensor, owner: Tensor, owners: int) -> Tensor: ...

    def negative_distances(self, contexts: Tensor, items: Tensor) -> Tensor: ...

    def pair_hinge(self, scores: Tensor, clicks: Tensor, shown: Tensor, margin: float) -> Tensor: ...


def _kernels(values: Tensor) -> _Kernels:
    """The module that computes on such a tensor."""
    if not compiles(values, torch.float32):
        return reference
    found: _Kernels = loops("bench.kernels.cpu") or reference
    return found
