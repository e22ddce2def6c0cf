"""Candidates: what queries showed, filled up to one length so that it is a matrix."""

from __future__ import annotations

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

    items: NDArray[np.int64]
    clicked: NDArray[np.bool_]
    shown: NDArray[np.bool_]


def all_candidates(corpus: Corpus, queries: Integers) -> Candidates:
    """Every shown item of each query, in the order shown."""
    offsets = corpus.columns.query_impressions
    rows, owner = expand_ranges(offsets[queries], offsets[queries + 1])
    lengths = offsets[queries + 1] - offsets[queries]
    place = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    shape = (len(queries), int(lengths.max(initial=0)))
    items, clicked, shown = np.zeros(shape, np.int64), np.zeros(shape, bool), np.zeros(shape, bool)
    items[owner, place] = corpus.columns.impression_item[rows]
    clicked[owner, place] = corpus.columns.impression_clicked[rows]
    shown[owner, place] = True
    return Candidates(items, clicked, shown)
