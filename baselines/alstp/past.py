"""The purchases that ALSTP reads before a query, as vectors in the shape of its recurrence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.contracts import ClickCorpus
from bench.data.click_history import ClickHistory
from bench.data.csr import Integers, expand_ranges, offsets_of
from bench.errors import BenchError


@dataclass(frozen=True)
class Past:
    """Purchases (here: clicks) before B queries, each with the query that it was made on, oldest first.

    Queries stand by falling number of purchases, so that those with more than a given number come first.

    Attributes:
        order: (B,) the place in the batch of each query here.
        counts: (B,) n, the number of purchases, falling.
        starts: (B,) the first purchase of each query among all P.
        item_text: (P, d) mean word vector of the item of each purchase.
        query_text: (P, d) mean word vector of the query of each purchase.
    """

    order: Tensor
    counts: NDArray[np.int64]
    starts: NDArray[np.int64]
    item_text: Tensor
    query_text: Tensor

    def index(self, places: Integers) -> Tensor:
        """The places (…) of purchases as a tensor on the device."""
        return torch.from_numpy(places).to(self.order.device)


class Pasts:
    """Looks up the pasts of any queries of the downstream sample.

    Holds the vectors of the items and queries that occur in them; memory grows with those, not with the corpus.

    Args:
        data: the corpus and its vectors.
        longest: a history is cut to so many latest purchases.
    """

    def __init__(self, data: ClickCorpus, longest: int) -> None:
        columns = data.corpus.columns
        self._history, self._longest = ClickHistory.of(data.corpus), longest
        asked = np.flatnonzero(columns.session_downstream[columns.query_session])
        used = np.unique(self._history.of_queries(asked, longest)[0])
        items, item_row = np.unique(self._history.items[used], return_inverse=True)
        queries, query_row = np.unique(self._history.queries[used], return_inverse=True)
        self._item_row = _filled(len(self._history.items), used, item_row)
        self._query_row = _filled(len(self._history.items), used, query_row)
        self._item_text = data.features.mean_words(columns.item_word_offsets, columns.item_words, items)
        self._query_text = data.features.mean_words(columns.query_word_offsets, columns.query_words, queries)

    def of(self, queries: Tensor) -> Past:
        """The pasts of these queries (B,), by their rows in the corpus."""
        rows = queries.cpu().numpy()
        clicks, owner = self._history.of_queries(rows, self._longest)
        counts = np.bincount(owner, minlength=len(rows))
        order = np.argsort(-counts, kind="stable")
        item_row, query_row = self._item_row[clicks], self._query_row[clicks]
        if (item_row < 0).any():
            raise BenchError("alstp was asked for a query outside the downstream sample", where="ClickBatch.queries")
        device = self._item_text.device
        return Past(
            order=torch.from_numpy(order).to(device),
            counts=counts[order],
            starts=offsets_of(counts)[:-1][order],
            item_text=self._item_text.index_select(0, torch.from_numpy(item_row).to(device)),
            query_text=self._query_text.index_select(0, torch.from_numpy(query_row).to(device)),
        )


@dataclass(frozen=True)
class Windows:
    """The last ``steps`` purchases of each query that has any, as a packed sequence: step by step, queries within.

    Attributes:
        purchases: (p,) which of the P purchases.
        owner: (p,) the query of each, 0 … B - 1.
        sizes: queries at each step, falling; as many as the longest window has steps.
    """

    purchases: Tensor
    owner: Tensor
    sizes: list[int]

    @classmethod
    def of(cls, past: Past, steps: int) -> Windows:
        """The windows of these pasts. The step of a purchase is counted from the first one of its window."""
        lengths = np.minimum(past.counts, steps)  # (B,) falling
        sizes = np.array([int((lengths > step).sum()) for step in range(int(lengths.max(initial=0)))], dtype=np.int64)
        owner, step = expand_ranges(np.zeros_like(sizes), sizes)
        first = past.starts + past.counts - lengths
        return cls(past.index(first[owner] + step), past.index(owner), sizes.tolist())


@dataclass(frozen=True)
class Rounds:
    """The windows that make and update the long-term preference, of the queries with more than ``steps`` purchases.

    In the original, example t of a user has t + ``steps`` purchases before it. Before example 1 the preference becomes
    the state of example 0, and before each t that ``steps`` divides it moves towards the state of example t - 1. (Where
    that is example 0 again, since there is one step only, the preference is its state already.)

    Attributes:
        purchases: (p,) which of the P purchases: round by round, in each step by step, queries within.
        sizes: queries in each round, falling.
    """

    purchases: Tensor
    sizes: list[int]

    @classmethod
    def of(cls, past: Past, steps: int) -> Rounds:
        """The rounds of these pasts."""
        example = past.counts - steps  # (B,) falling
        last = int(example.max(initial=0))
        due = np.array([1, *range(max(steps, 2), last + 1, steps)])  # the example before which a round is due
        due = due[due <= last]
        first = np.where(due == 1, 0, due - 1)  # the purchase that its window starts with
        sizes = np.searchsorted(-example, -due, side="right")  # queries that have come so far
        window = np.repeat(np.arange(len(due)), steps)  # (rounds * steps,) of each step
        step = np.tile(np.arange(steps), len(due))
        query, at = expand_ranges(np.zeros_like(window), sizes[window])
        return cls(past.index(past.starts[query] + (first[window] + step)[at]), sizes.tolist())


def _filled(size: int, places: Integers, values: Integers) -> NDArray[np.int64]:
    """(size,) ``values`` at ``places``, -1 elsewhere."""
    filled = np.full(size, -1, dtype=np.int64)
    filled[places] = values
    return filled
