"""The nearest nodes of query texts by exact inner products, without a sort of all nodes."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from baselines.pairs import rank_within
from bench.data.csr import Integers

BLOCK = 64  # nodes of which one maximum is taken


def as_columns(directions: NDArray[np.float32]) -> torch.Tensor:
    """(d, M) the directions (N, d) of nodes, filled up with zero columns to M, a multiple of ``BLOCK``."""
    filled = np.zeros((directions.shape[1], -(-len(directions) // BLOCK) * BLOCK), dtype=np.float32)
    filled[:, : len(directions)] = directions.T
    return torch.from_numpy(filled)


def nearest(products: torch.Tensor, wanted: Integers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of a text and each of its nearest nodes, nearest first; among equals the lower node is the nearer.

    The k-th largest maximum of a block is at most the k-th largest product, so blocks below it hold none of the k.

    Args:
        products: (b, M) whole numbers, of texts with the columns of :func:`as_columns`.
        wanted: (b,) how many nodes each text asks for, at least 1.

    Returns:
        (p,) texts 0 … b - 1, ascending, and (p,) nodes; only those with a positive product.
    """
    blocks = products.view(len(products), -1, BLOCK)  # (b, n, BLOCK)
    maxima = blocks.amax(dim=2)  # (b, n)
    count = torch.from_numpy(np.asarray(wanted, dtype=np.int64))[:, None]  # (b, 1)
    width = min(int(count.max()), maxima.shape[1])
    largest = maxima.topk(width, dim=1).values  # (b, width)
    least = largest.gather(1, count.clamp(max=width) - 1).clamp(min=1.0)  # (b, 1)
    least[count > width] = 1.0  # fewer blocks than are wanted
    text, block = (maxima >= least).nonzero(as_tuple=True)  # (c,) each
    near = blocks[text, block]  # (c, BLOCK)
    entry, column = (near >= least[text]).nonzero(as_tuple=True)  # (p,) each
    owner, node = text[entry].numpy(), (block[entry] * BLOCK + column).numpy()
    order = np.lexsort((node, -near[entry, column].numpy(), owner))
    owner, node = owner[order], node[order]
    kept = rank_within(owner) < np.asarray(wanted)[owner]
    return owner[kept], node[kept]
