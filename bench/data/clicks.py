"""What was clicked, of a whole corpus: the one place that reads ``impression_clicked`` to find out.

Clicks choose negatives in pretraining, label intents, are the targets of click models and the past of a user
(:mod:`bench.data.click_history`); no encoder gets them as an input.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.data.columns import Columns
from bench.data.corpus import Corpus
from bench.data.csr import Integers, expand_ranges, offsets_of


@dataclass(frozen=True, eq=False)
class Clicks:
    """The C clicks of a corpus in the order of its impressions, so that those of a query or session are one run.

    Those of some queries or sessions are looked up among their impressions; memory grows with these alone. Whoever
    reads one of the arrays below has them for the whole corpus in memory, from then on.

    Attributes:
        columns: of the corpus.
    """

    columns: Columns

    @classmethod
    def of(cls, corpus: Corpus) -> Clicks:
        """The clicks of all sessions; reads nothing yet."""
        return cls(corpus.columns)

    def of_queries(self, queries: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """``(items, owner)``: the clicked items of these queries (B,), and the place in ``queries`` of each."""
        queries = np.asarray(queries)
        return self._of_runs(queries, queries + 1)

    def of_sessions(self, sessions: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """``(items, owner)``: the clicked items of these sessions (B,), and the place in ``sessions`` of each."""
        starts, sessions = np.asarray(self.columns.session_queries), np.asarray(sessions)
        return self._of_runs(starts[sessions], starts[sessions + 1])

    def sessions_with(self, sessions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of ``sessions`` (n,) in which anything was clicked; some are looked at at a time."""
        clicked = np.zeros(len(sessions), dtype=bool)
        for start in range(0, len(sessions), _SESSIONS):
            _, owner = self.impressions_of_sessions(sessions[start : start + _SESSIONS])
            clicked[start + owner] = True
        return sessions[clicked]

    def impressions_of_sessions(self, sessions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """``(rows, owner)``: the same clicks as rows of the impressions, of which each has an item and a query."""
        starts, sessions = np.asarray(self.columns.session_queries), np.asarray(sessions)
        return self._rows_of_runs(starts[sessions], starts[sessions + 1])

    def queries_of(self, impressions: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) the query that showed each of these impressions (n,)."""
        return np.searchsorted(np.asarray(self.columns.query_impressions), impressions, side="right") - 1

    def _of_runs(self, first: Integers, end: Integers) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        rows, owner = self._rows_of_runs(first, end)
        return np.asarray(self.columns.impression_item)[rows], owner

    def _rows_of_runs(self, first: Integers, end: Integers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of the clicked impressions of the queries from ``first`` (B,) to before ``end`` (B,), and the run of
        each."""
        shown_from = np.asarray(self.columns.query_impressions)
        rows, owner = expand_ranges(shown_from[first], shown_from[end])
        clicked = np.asarray(self.columns.impression_clicked)[rows]
        return rows[clicked], owner[clicked]

    # ---- the whole corpus ------------------------------------------------------------------------------------------

    @cached_property
    def _rows(self) -> NDArray[np.int64]:
        """(C,) rows of the clicked impressions."""
        return np.flatnonzero(self.columns.impression_clicked)

    @cached_property
    def items(self) -> NDArray[np.int32]:
        """(C,) row of each clicked item, with repetitions."""
        return np.asarray(self.columns.impression_item)[self._rows]

    @cached_property
    def queries(self) -> NDArray[np.int64]:
        """(C,) row of the query that each was clicked on, ascending."""
        return np.repeat(np.arange(len(self.query_offsets) - 1), np.diff(self.query_offsets))

    @cached_property
    def query_offsets(self) -> NDArray[np.int64]:
        """(Q + 1,) of the queries into the clicks."""
        # impressions ascend by query and queries by session, so counting by boundaries is enough
        return np.searchsorted(self._rows, self.columns.query_impressions)

    @cached_property
    def session_offsets(self) -> NDArray[np.int64]:
        """(S + 1,) of the sessions into the clicks."""
        return self.query_offsets[self.columns.session_queries]


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

    As :meth:`Clicks.of_queries`, for any number of queries: they are looked at some at a time.
    """
    clicks, items, owners = Clicks(columns), [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
    for start in range(0, len(queries), _QUERIES):
        found, owner = clicks.of_queries(queries[start : start + _QUERIES])
        items.append(found)
        owners.append(owner + start)
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
