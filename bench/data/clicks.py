"""What was clicked, of a whole corpus: the one place that reads ``impression_clicked`` to find out.

Clicks choose negatives in pretraining, label intents, are the targets of click models and the past of a user
(:mod:`bench.data.click_history`); no encoder gets them as an input.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.columns import Columns
from bench.data.corpus import Corpus
from bench.data.csr import expand_ranges, offsets_of, take_rows


@dataclass(frozen=True)
class Clicks:
    """The C clicks of a corpus in the order of its impressions, so that those of a query or session are one run.

    Attributes:
        items: (C,) row of each clicked item, with repetitions.
        queries: (C,) row of the query that each was clicked on, ascending.
        query_offsets: (Q + 1,) of the queries into the clicks.
        session_offsets: (S + 1,) of the sessions into the clicks.
    """

    items: NDArray[np.int32]
    queries: NDArray[np.int64]
    query_offsets: NDArray[np.int64]
    session_offsets: NDArray[np.int64]

    @classmethod
    def of(cls, corpus: Corpus) -> Clicks:
        """Collects the clicks of all sessions; memory grows with clicks, queries and sessions."""
        columns = corpus.columns
        clicked = np.flatnonzero(columns.impression_clicked)
        # impressions ascend by query and queries by session, so counting by boundaries is enough
        query_offsets = np.searchsorted(clicked, columns.query_impressions)  # (Q + 1,)
        return cls(
            items=columns.impression_item[clicked],
            queries=np.repeat(np.arange(len(query_offsets) - 1), np.diff(query_offsets)),
            query_offsets=query_offsets,
            session_offsets=query_offsets[columns.session_queries],
        )

    def of_queries(self, queries: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """``(items, owner)``: the clicked items of these queries (B,), and the place in ``queries`` of each."""
        return take_rows(self.query_offsets, self.items, queries)

    def of_sessions(self, sessions: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """``(items, owner)``: the clicked items of these sessions (B,), and the place in ``sessions`` of each."""
        return take_rows(self.session_offsets, self.items, sessions)


def clicks_per_query(columns: Columns, queries: slice = slice(None)) -> NDArray[np.int64]:
    """(Q,) how many of the shown items of each query were clicked, of a run of queries or of all."""
    start, end, _ = queries.indices(len(columns.query_session))
    counts = np.empty(end - start, dtype=np.int64)
    for first in range(start, end, _QUERIES):
        bounds = np.asarray(columns.query_impressions[first : min(first + _QUERIES, end) + 1])
        until = offsets_of(np.asarray(columns.impression_clicked[bounds[0] : bounds[-1]]))  # clicks above each
        counts[first - start : first - start + _QUERIES] = np.diff(until[bounds - bounds[0]])
    return counts


def clicks_per_item(corpus: Corpus, sessions: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) how often each item was clicked in these sessions."""
    columns, counts = corpus.columns, np.zeros(len(corpus.columns.item_image), dtype=np.int64)
    for queries in _runs_of_queries(columns, sessions):
        items, _ = clicks_of_queries(columns, queries)
        counts += np.bincount(items, minlength=len(counts))
    return counts


def clicks_of_queries(columns: Columns, queries: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """``(items, owner)``: the clicked items of these queries (B,), and the place in ``queries`` of each.

    It looks at these queries alone; who asks for many runs of them keeps a :class:`Clicks`.
    """
    offsets, items, owners = columns.query_impressions, [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
    for start in range(0, len(queries), _QUERIES):
        some = queries[start : start + _QUERIES]
        rows, owner = expand_ranges(offsets[some], offsets[some + 1])
        clicked = np.asarray(columns.impression_clicked)[rows]
        items.append(np.asarray(columns.impression_item)[rows[clicked]])
        owners.append(owner[clicked] + start)
    return np.concatenate(items), np.concatenate(owners)


def rankable_queries(corpus: Corpus, sessions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of these sessions' queries that showed a clicked and an unclicked item, ascending.

    Only of such a query can a ranking of the shown items be right or wrong.
    """
    columns, found = corpus.columns, [np.zeros(0, dtype=np.int64)]
    for queries in _runs_of_queries(columns, np.sort(sessions)):
        first, last = int(queries[0]), int(queries[-1]) + 1
        clicks = clicks_per_query(columns, slice(first, last))[queries - first]
        shown = columns.query_impressions[queries + 1] - columns.query_impressions[queries]
        found.append(queries[(clicks > 0) & (clicks < shown)])
    return np.concatenate(found)


def _runs_of_queries(columns: Columns, sessions: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The queries of these sessions, some at a time; a run is never empty."""
    bounds = columns.session_queries
    for start in range(0, len(sessions), _SESSIONS):
        some = sessions[start : start + _SESSIONS]
        queries, _ = expand_ranges(bounds[some], bounds[some + 1])
        if len(queries):
            yield queries


_QUERIES = 1 << 16  # looked at in one go
_SESSIONS = 1 << 14
