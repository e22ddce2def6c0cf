"""Session nearest neighbours: items ranked by the clicks of training sessions that clicked what this one has clicked.

Jannach & Ludewig, "When Recurrent Neural Networks Meet the Neighborhood for Session-Based Recommendation", RecSys 2017
(https://doi.org/10.1145/3109859.3109872; their code: https://github.com/rn5l/session-rec).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from baselines.options import SknnOptions
from baselines.pairs import rank_within
from baselines.references.clicked_sessions import ClickedSessions
from bench.contracts import ClickBatch, ClickCorpus, ClickDims, ClickReference
from bench.data.clicks import Clicks
from bench.data.columns import Columns
from bench.data.csr import Integers, expand_ranges, offsets_of
from bench.plugins.options import read_options

Floats = NDArray[np.float64]
_PAIRS = 1 << 20  # of a query and a session that may be its neighbour, looked at at a time; 60 bytes each


class SessionNeighbours(ClickReference):
    r"""The score of item i, with the k sessions n that are nearest to what was clicked on earlier queries of this one:

    .. math::
        \sum_{n \ni i} \frac{\sum_{j \in n} w_j}{\sqrt{|n| \sum_j w_j^2}}

    :math:`w_j` is 1 for an item that this session clicked; with ``decay=linear`` it is the place of the item's last
    click among this session's clicks, as a share of their number (V-SKNN). A session n is the set of items that it
    clicked. Neighbours are sought among the latest m training sessions that share an item, in and outside the
    downstream sample; of equally near ones the later is taken. Without an earlier click all candidates tie.

    Args:
        dims: not used.
        given: see :class:`baselines.options.SknnOptions`.
    """

    def __init__(self, dims: ClickDims, **given: Any) -> None:
        super().__init__(dims)
        options = read_options(SknnOptions, given, "sknn")
        self.neighbours, self.sampled, self.decay = options.neighbours, options.sampled, options.decay
        self._columns: Columns | None = None
        self._sessions: ClickedSessions | None = None

    def prepare(self, data: ClickCorpus) -> None:
        """Lists what each training session clicked and which of them clicked each item, in files."""
        self._columns, self._sessions = data.corpus.columns, ClickedSessions(data.corpus, data.scratch)

    def scores(self, batch: ClickBatch) -> Tensor:
        """(B, K) scores of the candidates; 0 where a list is padded."""
        queries, items, shown = (values.cpu().numpy() for values in (batch.queries, batch.items, batch.shown))
        scores = np.zeros(items.shape, dtype=np.float32)  # (B, K)
        asked, clicked, weight = self._clicked_before(queries)  # (c,) each
        for rows, some in self._pieces(asked, clicked):
            near, session, similarity = self._nearest(asked[some], clicked[some], weight[some], queries)  # (n,) each
            scores[rows] = self._summed(near - rows.start, session, similarity, items[rows])
        return torch.from_numpy(np.where(shown, scores, np.float32(0))).to(batch.items.device)

    def _clicked_before(self, queries: NDArray[np.int64]) -> tuple[Integers, Integers, Floats]:
        """``(asked, clicked, weight)``, (c,) each: the place among ``queries`` (B,), an item that its session clicked
        before it, and :math:`w_j`; ascending, each pair once.
        """
        assert self._columns is not None
        first = np.asarray(self._columns.session_queries)[self._columns.query_session[queries]]
        earlier, asked = expand_ranges(first, queries)  # the queries before each
        items, owner = Clicks(self._columns).of_queries(earlier)
        asked = asked[owner]  # (l,) of each click, in the order of the clicks
        bounds = offsets_of(np.bincount(asked, minlength=len(queries)))
        place = np.arange(1, len(asked) + 1) - bounds[asked]  # 1, 2 … in its session
        order = np.lexsort((place, items, asked))
        asked, items, place = asked[order], items[order], place[order]
        last = np.ones(len(order), dtype=bool)
        last[:-1] = (asked[1:] != asked[:-1]) | (items[1:] != items[:-1])
        asked, items, place = asked[last], items[last], place[last]
        share = place / np.diff(bounds)[asked] if self.decay == "linear" else np.ones(len(place))
        return asked, items, share

    def _pieces(self, asked: Integers, clicked: Integers) -> Iterator[tuple[slice, slice]]:
        """Queries that are looked at together, and their rows among the clicked items; those without any are left out.
        A query alone is a piece where its neighbours are as many.
        """
        assert self._sessions is not None
        bounds = np.flatnonzero(np.diff(asked, prepend=-1, append=-1))  # of the queries with a click into the items
        pairs = offsets_of(np.minimum(self._sessions.holders(clicked), self.sampled + 1))[bounds]  # before each
        start = 0
        while start < len(bounds) - 1:
            end = max(start + 1, int(np.searchsorted(pairs, pairs[start] + _PAIRS, side="right")) - 1)
            rows = slice(int(asked[bounds[start]]), int(asked[bounds[end] - 1]) + 1)
            yield rows, slice(int(bounds[start]), int(bounds[end]))
            start = end

    def _nearest(
        self, asked: Integers, clicked: Integers, weight: Floats, queries: NDArray[np.int64]
    ) -> tuple[Integers, Integers, Floats]:
        """``(asked, session, similarity)``, (n,) each: the neighbours of each query, ascending by query."""
        assert self._columns is not None
        assert self._sessions is not None
        number = self._sessions.number_of(self._columns.query_session[queries])  # (B,) its own, -1 for no training one
        # one more than sampled, since a training session holds its own items
        session, holding = self._sessions.latest_with(clicked, self.sampled + 1)
        other = session != number[asked[holding]]
        session, holding = session[other], holding[other]
        total = len(self._sessions)
        pair, product = summed(asked[holding] * total + session, weight[holding])
        asked_of, session = np.divmod(pair, total)
        latest = rank_within(asked_of) < self.sampled  # sessions are numbered from the latest
        asked_of, session, product = asked_of[latest], session[latest], product[latest]
        squares = np.bincount(asked, weight**2, minlength=len(queries))
        similarity = product / np.sqrt(squares[asked_of] * self._sessions.sizes(session))
        order = np.lexsort((session, -similarity, asked_of))
        order = order[rank_within(asked_of) < self.neighbours]
        return asked_of[order], session[order], similarity[order]

    def _summed(self, row: Integers, session: Integers, similarity: Floats, items: Integers) -> NDArray[np.float32]:
        """(b, K) the similarity of all neighbours (n,) of each row that clicked each of ``items`` (b, K)."""
        assert self._sessions is not None
        clicked, owner = self._sessions.items_of(session)
        most = 1 + max(int(clicked.max(initial=0)), int(items.max(initial=0)))
        key, score = summed(row[owner] * most + clicked, similarity[owner])
        wanted = np.arange(len(items))[:, None] * most + items  # (b, K)
        if not len(key):
            return np.zeros(items.shape, dtype=np.float32)
        place = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
        return np.where(key[place] == wanted, score[place], 0.0).astype(np.float32)


def summed(keys: Integers, values: Floats) -> tuple[Integers, Floats]:
    """The distinct keys, ascending, and the sum of the values of each, taken in their order."""
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    return keys[first], np.add.reduceat(values, first) if len(first) else values
