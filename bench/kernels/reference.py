"""The shared kernels in torch: for any device and number type, and for tests to compare the compiled loops with."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

Layer = tuple[Tensor, Tensor]


def elu_layers(
    inputs: Sequence[Tensor], towers: Sequence[Sequence[Layer]], joint: Sequence[Layer], dropout: float
) -> Tensor:
    """See :func:`bench.kernels.elu_layers`."""
    ends = [_in_turn(rows, layers, dropout) for rows, layers in zip(inputs, towers, strict=True)]
    return _in_turn(torch.cat(ends, dim=-1), joint, 0.0)


def _in_turn(hidden: Tensor, layers: Sequence[Layer], dropout: float) -> Tensor:
    for number, (weight, bias) in enumerate(layers):
        if number and dropout:
            hidden = dropped(hidden, dropout)
        hidden = F.elu(F.linear(hidden, weight, bias))
    return hidden


def dropped(values: Tensor, share: float) -> Tensor:
    """See :func:`bench.kernels.dropped`."""
    if values.device.type != "cpu":
        return F.dropout(values, share)
    kept = torch.rand(values.shape, dtype=torch.float64) < 1 - share
    return values * kept.to(values.dtype).div_(1 - share)


@torch.no_grad()
def mean_rows(vectors: Tensor, rows: Tensor, owner: Tensor, owners: int) -> Tensor:
    """See :func:`bench.kernels.mean_rows`."""
    counts = torch.zeros(owners, dtype=torch.int64, device=rows.device)
    counts.index_add_(0, owner, torch.ones_like(owner))  # bincount would wait for a GPU
    sums = F.embedding_bag(rows, vectors, counts.cumsum(0) - counts, mode="sum")
    return sums / counts.clamp(min=1).unsqueeze(1)


def negative_distances(contexts: Tensor, items: Tensor) -> Tensor:
    """See :func:`bench.kernels.negative_distances`."""
    difference = contexts.unsqueeze(1) - items + 1e-6  # (B, K, d)
    return -difference.square().sum(2).sqrt()


def pair_hinge(scores: Tensor, clicks: Tensor, shown: Tensor, margin: float) -> Tensor:
    """See :func:`bench.kernels.pair_hinge`."""
    clicked, unclicked = (clicks > 0) & shown, (clicks == 0) & shown  # (B, K) each
    pair = clicked.unsqueeze(2) & unclicked.unsqueeze(1)  # (B, K, K)
    hinge = F.relu(margin - scores.unsqueeze(2) + scores.unsqueeze(1))  # (B, K, K)
    return torch.where(pair, hinge, 0).sum() / pair.sum().clamp(min=1)
