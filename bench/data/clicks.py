"""What was clicked, of a whole corpus: the one place that reads ``impression_clicked`` to find out.

Clicks choose negatives in pretraining, label intents, are the targets of click models and the past of a user
(:mod:`bench.data.click_history`); no encoder gets them as an input.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.columns import Columns
from bench.data.corpus import Corpus
from bench.data.csr import take_rows


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


def clicks_per_query(columns: Columns) -> NDArray[np.int64]:
    """(Q,) how many of the shown items of each query were clicked."""
    until = np.concatenate([[0], np.cumsum(columns.impression_clicked)])  # (P + 1,) clicks above each impression
    return np.diff(until[columns.query_impressions])


def clicks_per_item(corpus: Corpus, sessions: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) how often each item was clicked in these sessions."""
    items, _ = Clicks.of(corpus).of_sessions(sessions)
    return np.bincount(items, minlength=len(corpus.columns.item_image))


def rankable_queries(corpus: Corpus, sessions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of these sessions' queries that showed a clicked and an unclicked item, ascending.

    Only of such a query can a ranking of the shown items be right or wrong.
    """
    columns = corpus.columns
    wanted = np.zeros(len(columns.session_split), dtype=bool)
    wanted[sessions] = True
    clicks, shown = clicks_per_query(columns), np.diff(columns.query_impressions)
    return np.flatnonzero(wanted[columns.query_session] & (clicks > 0) & (clicks < shown))
