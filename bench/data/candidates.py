"""Candidates: what queries showed, filled up to one length so that it is a matrix."""

from __future__ import annotations

from collections.abc import Sequence
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
    def stacked(cls, parts: Sequence[Candidates]) -> Candidates:
        """Those of several, one after the other, all filled up to the same K."""
        matrices = zip(*((part.items, part.clicked, part.shown) for part in parts), strict=True)
        return cls(*(np.concatenate(matrix) for matrix in matrices))


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
