"""What a user clicked before a query: the past that a click model may read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.clicks import Clicks
from bench.data.corpus import Corpus
from bench.data.csr import Integers, expand_ranges, offsets_of
from bench.data.schema import NO_TIME, TRAIN


@dataclass(frozen=True)
class ClickHistory:
    """The clicks of a corpus, and for each of its queries those that its user made strictly before it.

    The history of a query is, oldest first: the clicks of the user's other **training** sessions on queries before the
    start of this session, by the time of the query; then those on the earlier queries of this session. Clicks on one
    query stand in the order shown. So the query's own clicks and everything after it stay out, and a validation or
    test session is read by nobody but itself. A session without user or without times has itself only.

    Attributes:
        items: (C,) row of each clicked item, in the order of the impressions.
        queries: (C,) row of the query that each was clicked on.
        query_clicks: (Q + 1,) offsets of the queries into the C clicks.
        session_clicks: (S,) the first click of each session.
        query_session: (Q,) row of each query's session.
        earlier: clicks of training sessions whose user has several sessions, by user and time; rows of the C clicks.
        earlier_start, earlier_end: (S,) which of ``earlier`` come before each session.
    """

    items: NDArray[np.int32]
    queries: NDArray[np.int64]
    query_clicks: NDArray[np.int64]
    session_clicks: NDArray[np.int64]
    query_session: NDArray[np.int64]
    earlier: NDArray[np.int64]
    earlier_start: NDArray[np.int64]
    earlier_end: NDArray[np.int64]

    @classmethod
    def of(cls, corpus: Corpus) -> ClickHistory:
        """Gathers the clicks of all sessions; memory grows with clicks, queries and sessions."""
        columns = corpus.columns
        clicks = Clicks.of(corpus)
        user, start = np.asarray(columns.session_user), np.asarray(columns.session_start)
        sessions = np.bincount(user[user >= 0], minlength=corpus.num_users + 1)
        returning = (user >= 0) & (start != NO_TIME)
        returning &= sessions[np.maximum(user, 0)] > 1  # the others have no past but their own session
        readable = returning & (columns.session_split == TRAIN)
        time = columns.query_time[clicks.queries]
        chosen = np.flatnonzero(readable[columns.query_session[clicks.queries]] & (time != NO_TIME))
        session = columns.query_session[clicks.queries[chosen]]
        order = np.lexsort((time[chosen], user[session]))  # stable: equal times keep the order of the corpus
        click_user, click_time = user[session[order]], time[chosen][order]

        asking = np.flatnonzero(returning)
        earlier_start, earlier_end = np.zeros(len(user), dtype=np.int64), np.zeros(len(user), dtype=np.int64)
        earlier_start[asking] = np.searchsorted(click_user, user[asking])
        earlier_end[asking] = _count_before(click_user, click_time, user[asking], start[asking])
        return cls(
            items=clicks.items,
            queries=clicks.queries,
            query_clicks=clicks.query_offsets,
            session_clicks=clicks.session_offsets[:-1],
            query_session=columns.query_session,
            earlier=chosen[order],
            earlier_start=earlier_start,
            earlier_end=earlier_end,
        )

    def of_queries(
        self, queries: Integers, longest: int | None = None, own_session: bool = True
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The histories of these queries (B,), oldest click first; with ``longest`` only so many latest clicks of each,
        and without ``own_session`` those of other sessions alone.

        Returns:
            ``(clicks, owner)``, both (n,): rows of ``items`` and of ``queries``, and the place in the argument
            ``queries`` of the query that each belongs to, ascending.
        """
        session = self.query_session[queries]
        own_start, own_end = self.session_clicks[session], self.query_clicks[queries]
        if not own_session:
            own_start = own_end
        past_start, past_end = self.earlier_start[session], self.earlier_end[session]
        if longest is not None:
            own_start = np.maximum(own_start, own_end - longest)
            past_start = np.maximum(past_start, past_end - (longest - (own_end - own_start)))
        past, own = past_end - past_start, own_end - own_start  # (B,) clicks of other sessions and of this one
        if not past.any():
            return expand_ranges(own_start, own_end)
        runs = offsets_of(past + own)  # (B + 1,) each history is one run in the result
        clicks = np.empty(runs[-1], dtype=np.int64)
        clicks[expand_ranges(runs[:-1], runs[:-1] + past)[0]] = self.earlier[expand_ranges(past_start, past_end)[0]]
        clicks[expand_ranges(runs[:-1] + past, runs[1:])[0]] = expand_ranges(own_start, own_end)[0]
        return clicks, np.repeat(np.arange(len(past)), past + own)


def _count_before(users: Integers, times: Integers, user: Integers, time: Integers) -> NDArray[np.int64]:
    """How many of the pairs (``users``, ``times``) sort before each of the n pairs (``user``, ``time``); (n,)."""
    asks = np.arange(len(users) + len(user)) >= len(users)
    order = np.lexsort((~asks, np.concatenate([times, time]), np.concatenate([users, user])))  # asks before equals
    counted = np.cumsum(~asks[order])
    result = np.empty(len(asks), dtype=np.int64)
    result[order] = counted
    return result[len(users) :]
