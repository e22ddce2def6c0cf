"""Rankings that need no data: by chance, and as the engine had shown the items."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.contracts import ClickBatch, ClickCorpus, ClickDims, ClickReference
from bench.data.columns import Columns
from bench.data.csr import expand_ranges


class Chance(ClickReference):
    """All candidates tie, so that every metric has the value that a random order is expected to have.

    Args:
        dims: not used.
    """

    def prepare(self, data: ClickCorpus) -> None:
        """Nothing."""

    def scores(self, batch: ClickBatch) -> Tensor:
        """(B, K) zeros."""
        return torch.zeros(batch.items.shape, device=batch.items.device)


class ShownOrder(ClickReference):
    """The candidates in the order in which the search engine showed them: what a model has to beat to be of use.

    Shoppers look at the top first, so that this order is better than its relevance, and a model that reads no ranks
    cannot know why.

    Args:
        dims: not used.
    """

    def __init__(self, dims: ClickDims) -> None:
        super().__init__(dims)
        self._columns: Columns | None = None

    def prepare(self, data: ClickCorpus) -> None:
        """Keeps the corpus's columns, for the ranks."""
        self._columns = data.corpus.columns

    def scores(self, batch: ClickBatch) -> Tensor:
        """(B, K) minus the rank of each candidate."""
        assert self._columns is not None
        row = impression_rows(self._columns, batch)  # (B, K)
        ranks = np.where(row >= 0, self._columns.impression_rank[np.maximum(row, 0)], 0)
        return torch.from_numpy(-ranks.astype(np.float32)).to(batch.items.device)


def impression_rows(columns: Columns, batch: ClickBatch) -> NDArray[np.int64]:
    """(B, K) row among the impressions of each candidate of a batch; -1 for one that its query did not show."""
    query, items = batch.queries.cpu().numpy(), batch.items.cpu().numpy()
    row, owner = expand_ranges(columns.query_impressions[query], columns.query_impressions[query + 1])  # (P,) each
    shown = columns.impression_item[row]  # (P,)
    most = 1 + max(int(shown.max(initial=0)), int(items.max(initial=0)))
    key = owner * most + shown  # (P,) of (query, item)
    order = np.argsort(key, kind="stable")
    wanted = np.arange(len(query))[:, None] * most + items  # (B, K)
    if not len(key):
        return np.full(items.shape, -1)
    place = np.minimum(np.searchsorted(key, wanted, sorter=order), len(key) - 1)
    found: NDArray[np.int64] = row[order[place]]
    return np.where(key[order[place]] == wanted, found, -1)
