"""Candidates: what queries showed, filled up to one length so that it is a matrix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.data.csr import Integers, expand_ranges


@dataclass(frozen=True)
class Candidates:
    """Candidates of B queries, filled up to K.

    Attributes:
        items: (B, K) rows of items, 0 where filled.
        clicked, shown: (B, K) bool.
    """

    items: Integers
    clicked: NDArray[np.bool_]
    shown: NDArray[np.bool_]

    def take(self, rows: Integers | slice) -> Candidates:
        """Those of some of the queries."""
        return Candidates(self.items[rows], self.clicked[rows], self.shown[rows])

    @classmethod
    def stacked(cls, parts: Iterable[Candidates], queries: int, width: int) -> Candidates:
        """Those of several, one after the other; each is asked for when the one before has been copied.

        Args:
            parts: with as many ``queries`` in all, each filled up to the same ``width``.
            queries: Q.
            width: K.
        """
        shape, start = (queries, width), 0
        stacked = cls(np.zeros(shape, np.int32), np.zeros(shape, bool), np.zeros(shape, bool))
        for part in parts:
            some = slice(start, start + len(part.items))
            stacked.items[some], stacked.clicked[some], stacked.shown[some] = part.items, part.clicked, part.shown
            start += len(part.items)
        return stacked


class ShownCandidates:
    """All shown items of some queries, by the place of a query among them.

    A matrix of them is kept only where it is small; otherwise they are looked up in the corpus some queries at a time.

    Args:
        corpus: the data.
        queries: (Q,) rows.

    Attributes:
        width: K, the most that one of the queries showed; all that is taken is filled up to it.
    """

    def __init__(self, corpus: Corpus, queries: NDArray[np.int64]) -> None:
        self._corpus, self._queries = corpus, queries
        self.width = most_shown(corpus, queries)  # of every batch, so that none is summed otherwise than all are
        small = len(queries) * self.width <= _KEPT_CELLS
        self._kept = all_candidates(corpus, queries, self.width) if small else None

    def take(self, places: Integers | slice) -> Candidates:
        """Those of the queries in these places."""
        if self._kept is not None:
            return self._kept.take(places)
        return all_candidates(self._corpus, self._queries[places], self.width)


def all_candidates(corpus: Corpus, queries: Integers, width: int | None = None) -> Candidates:
    """Every shown item of each query, in the order shown.

    Args:
        corpus: the data.
        queries: (B,) rows.
        width: K; by default the most that one of the queries showed.
    """
    columns, queries = corpus.columns, np.asarray(queries)
    shape = (len(queries), most_shown(corpus, queries) if width is None else width)
    items, clicked, shown = np.zeros(shape, np.int32), np.zeros(shape, bool), np.zeros(shape, bool)
    for start in range(0, len(queries), _QUERIES):
        some, part = queries[start : start + _QUERIES], slice(start, start + _QUERIES)
        first = columns.query_impressions[some]
        lengths = columns.query_impressions[some + 1] - first
        rows, owner = expand_ranges(first, first + lengths)
        place = rows - first[owner]
        items[part][owner, place] = columns.impression_item[rows]
        clicked[part][owner, place] = columns.impression_clicked[rows]
        shown[part] = np.arange(shape[1]) < lengths[:, None]
    return Candidates(items, clicked, shown)


def most_shown(corpus: Corpus, queries: Integers) -> int:
    """The number of items that the query showed that showed most; 0 without queries."""
    offsets = corpus.columns.query_impressions
    return int((offsets[np.asarray(queries) + 1] - offsets[queries]).max(initial=0))


_QUERIES = 1 << 14  # filled in one go
_KEPT_CELLS = 1 << 24  # shown items of a matrix that is kept, six bytes each
