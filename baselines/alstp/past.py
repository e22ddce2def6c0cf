"""A user's purchases before a query, in the order in which ALSTP's recurrences read them."""

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
    """The P purchases (here: clicks) before B queries, oldest first, each with the query that led to it.

    Queries are sorted by falling number of purchases, so that those with more than a given number come first.

    Attributes:
        order: (B,) row in the batch of each query here.
        counts: (B,) n, the number of purchases, falling.
        starts: (B,) row of each query's first purchase among the P.
        items: (P,) row of each purchase's item in the corpus.
        item_text: (P, words) mean word vector of its title.
        query_text: (P, words) mean word vector of each purchase's query.
    """

    order: Tensor
    counts: NDArray[np.int64]
    starts: NDArray[np.int64]
    items: Tensor
    item_text: Tensor
    query_text: Tensor

    def index(self, rows: Integers) -> Tensor:
        """Row numbers (…) as a tensor on the device of the vectors."""
        return torch.from_numpy(rows).to(self.order.device)


class Pasts:
    """The purchase histories of all queries of the downstream sample.

    It holds the vectors of the items and queries that occur in them, so memory grows with those and not with the
    corpus.

    Args:
        data: the corpus and its vectors.
        longest: number of latest purchases that a history is cut to.
        own_session: whether the purchases of a query's own session are in its history.
    """

    def __init__(self, data: ClickCorpus, longest: int, own_session: bool = True) -> None:
        columns = data.corpus.columns
        self._history, self._longest, self._own_session = ClickHistory.of(data.corpus), longest, own_session
        downstream = np.flatnonzero(columns.session_downstream[columns.query_session])
        read = np.unique(self._history.of_queries(downstream, longest, own_session)[0])
        items, item_row = np.unique(self._history.items[read], return_inverse=True)
        queries, query_row = np.unique(self._history.queries[read], return_inverse=True)
        self._item_row = _scattered(len(self._history.items), read, item_row)
        self._query_row = _scattered(len(self._history.items), read, query_row)
        self._item_text = data.features.mean_words(columns.item_word_offsets, columns.item_words, items)
        self._query_text = data.features.mean_words(columns.query_word_offsets, columns.query_words, queries)

    def of(self, queries: Tensor) -> Past:
        """The purchases before queries (B,), given as rows of the corpus.

        Raises:
            BenchError: a query is not of the downstream sample.
        """
        rows = queries.cpu().numpy()
        clicks, owner = self._history.of_queries(rows, self._longest, self._own_session)
        counts = np.bincount(owner, minlength=len(rows))
        order = np.argsort(-counts, kind="stable")
        item_row, query_row = self._item_row[clicks], self._query_row[clicks]
        if (item_row < 0).any():
            outside = len(np.unique(owner[item_row < 0]))
            raise BenchError(
                f"{outside} of {len(rows)} queries are outside the downstream sample",
                where="baseline alstp, ClickBatch.queries",
                fix="it reads histories of downstream sessions only",
            )
        device = self._item_text.device
        return Past(
            order=torch.from_numpy(order).to(device),
            counts=counts[order],
            starts=offsets_of(counts)[:-1][order],
            items=torch.from_numpy(self._history.items[clicks].astype(np.int64)).to(device),
            item_text=self._item_text.index_select(0, torch.from_numpy(item_row).to(device)),
            query_text=self._query_text.index_select(0, torch.from_numpy(query_row).to(device)),
        )


@dataclass(frozen=True)
class Windows:
    """The last ``steps`` purchases of each query, as a packed sequence: all queries' first steps, then their second ….

    Attributes:
        purchases: (p,) rows of the purchases among the P.
        owner: (p,) query of each, 0 … B - 1.
        sizes: number of queries that have each step, falling; its length is that of the longest window.
    """

    purchases: Tensor
    owner: Tensor
    sizes: list[int]

    @classmethod
    def of(cls, past: Past, steps: int) -> Windows:
        """The windows of B queries; steps count from the start of each one's window."""
        lengths = np.minimum(past.counts, steps)  # (B,) falling
        sizes = np.array([int((lengths > step).sum()) for step in range(int(lengths.max(initial=0)))], dtype=np.int64)
        owner, step = expand_ranges(np.zeros_like(sizes), sizes)  # (p,) each
        window_start = past.starts + past.counts - lengths  # (B,)
        return cls(past.index(window_start[owner] + step), past.index(owner), sizes.tolist())


@dataclass(frozen=True)
class Rounds:
    """The windows of purchases that initialise and update the long-term preference, round by round.

    Only queries with more than ``steps`` purchases have any. In the public code, example t of a user has t + ``steps``
    purchases before it. Before example 1 the preference becomes the state of example 0, and before each t that
    ``steps`` divides it moves towards the state of example t - 1. (With one step, example t - 1 = 0 is the first round
    again, where the preference is that state already.)

    Attributes:
        purchases: (p,) rows of the purchases among the P, sorted by round, step and query.
        sizes: number of queries in each round, falling.
    """

    purchases: Tensor
    sizes: list[int]

    @classmethod
    def of(cls, past: Past, steps: int) -> Rounds:
        """The rounds of B queries."""
        example = past.counts - steps  # (B,) falling
        last = int(example.max(initial=0))
        due = np.array([1, *range(max(steps, 2), last + 1, steps)])  # (rounds,) example before which each round is due
        due = due[due <= last]
        window_start = np.where(due == 1, 0, due - 1)  # (rounds,) purchase that a round's window starts with
        sizes = np.searchsorted(-example, -due, side="right")  # (rounds,) queries that reach the round
        window = np.repeat(np.arange(len(due)), steps)  # (rounds * steps,) round of each step
        step = np.tile(np.arange(steps), len(due))  # (rounds * steps,)
        query, row = expand_ranges(np.zeros_like(window), sizes[window])  # (p,) each, row of window and step
        return cls(past.index(past.starts[query] + (window_start[window] + step)[row]), sizes.tolist())


def _scattered(size: int, rows: Integers, values: Integers) -> NDArray[np.int64]:
    """(size,) ``values`` (n,) at ``rows`` (n,), -1 elsewhere."""
    scattered = np.full(size, -1, dtype=np.int64)
    scattered[rows] = values
    return scattered
