"""Which queries are followed, in their session, by a keyword query: where the next query can be suggested."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.data.schema import KEYWORD


def followed_queries(corpus: Corpus, sessions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of these sessions' queries that are followed by a keyword query with words, ascending."""
    columns = corpus.columns
    wanted = np.zeros(len(columns.session_split), dtype=bool)
    wanted[sessions] = True
    session = np.asarray(columns.query_session)
    asked = (columns.query_kind[1:] == KEYWORD) & (np.diff(columns.query_word_offsets)[1:] > 0)
    return np.flatnonzero((session[1:] == session[:-1]) & asked & wanted[session[:-1]])
