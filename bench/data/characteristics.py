"""Distributions of session length and of clicks per query in a corpus, which the paper's Figure 2 shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.data.clicks import clicks_per_query
from bench.data.columns import Columns
from bench.data.corpus import Corpus
from bench.data.csr import Integers, expand_ranges

LONGEST = 10
"""Larger session lengths and numbers of clicks share one bin, as in the paper's figure."""

LENGTHS, CLICKS = "session length", "clicks per query"
"""The two distributions, as their rows name them."""
MULTI_MODAL, TEXTUAL = "with image queries", "without image queries"
"""The two kinds of sessions, as their rows name them."""


def count_characteristics(corpus: Corpus) -> pd.DataFrame:
    """Both distributions as a table of panel, sessions (with or without image queries), value, more, share, mean, n.

    Lengths are those of all sessions. Clicks are counted in the downstream sample, whose impressions are complete, over
    the queries that have impressions. Rows of sessions without image queries exist only where the corpus keeps such.
    """
    columns = corpus.columns
    lengths = np.diff(columns.session_queries)
    textual = _without_images(columns)
    clicks, owner = _clicks_per_query(corpus)
    rows = []
    for name, selected in ((MULTI_MODAL, ~textual), (TEXTUAL, textual)):
        rows += _shares(LENGTHS, name, lengths[selected], 1)
        rows += _shares(CLICKS, name, clicks[selected[owner]], 0)
    return pd.DataFrame(rows)


def _without_images(columns: Columns) -> NDArray[np.bool_]:
    """(S,) whether a session has no image query."""
    images = np.concatenate([[0], np.cumsum(columns.query_image >= 0)])
    without: NDArray[np.bool_] = np.diff(images[columns.session_queries]) == 0
    return without


def _clicks_per_query(corpus: Corpus) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Clicks (n,) on each query of the downstream sample that has impressions, and rows (n,) of its session."""
    columns, sessions = corpus.columns, corpus.session_rows(downstream=True)
    queries, owner = expand_ranges(columns.session_queries[sessions], columns.session_queries[sessions + 1])
    has_impressions = np.diff(columns.query_impressions)[queries] > 0
    return clicks_per_query(columns)[queries[has_impressions]], sessions[owner[has_impressions]]


def _shares(panel: str, sessions: str, counts: Integers, least: int) -> list[dict[str, object]]:
    """A row per bin, ``least`` … LONGEST and one for more, with its share of ``counts`` (n,); none without counts."""
    if not len(counts):
        return []
    binned = np.bincount(np.minimum(counts, LONGEST + 1), minlength=LONGEST + 2)[least:]
    return [
        {
            "panel": panel,
            "sessions": sessions,
            "value": value,
            "more": value > LONGEST,
            "share": count / len(counts),
            "mean": float(counts.mean()),
            "n": len(counts),
        }
        for value, count in enumerate(binned.tolist(), start=least)
    ]
