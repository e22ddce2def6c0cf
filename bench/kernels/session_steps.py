"""The steps of sessions, gathered from the columns of a corpus in one compiled pass.

numpy does it by two dozen operations on a few hundred numbers, of which each takes longer to be called than to run.
:mod:`bench.data.step_rows` calls them, and says the same in numpy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.kernels.compiled import compiled

Integers = NDArray[np.int64]


@compiled()
def covered_runs(
    queries: Integers, query_session: Integers, session_queries: Integers
) -> tuple[Integers, Integers, Integers]:
    """For each run of queries of one session, the range from its first query to the latest of the run.

    Args:
        queries: (B,) rows.
        query_session: (Q,) session of each query of the corpus.
        session_queries: (S + 1,) first query of each session.

    Returns:
        the first row (r,) of each range, the row after its last (r,), and the place (B,) of each query among the rows
        of all ranges.
    """
    starts, ends = np.empty(len(queries), np.int64), np.empty(len(queries), np.int64)
    owner, runs, before = np.empty(len(queries), np.int64), 0, np.int64(-1)
    for place in range(len(queries)):
        query = queries[place]
        if not 0 <= query < len(query_session):
            raise IndexError("a query has a row that the corpus does not have")
        session = query_session[query]
        if session != before:
            starts[runs], ends[runs], before = session_queries[session], query + 1, session
            runs += 1
        owner[place] = runs - 1
        ends[runs - 1] = max(ends[runs - 1], query + 1)
    moved, length = np.empty(runs, np.int64), 0  # from rows of the corpus to places
    for run in range(runs):
        moved[run] = starts[run] - length
        length += ends[run] - starts[run]
    return starts[:runs], ends[:runs], queries - moved[owner]


@compiled()
def gathered_steps(
    starts: Integers,
    ends: Integers,
    word_offsets: Integers,
    words: NDArray[np.int32],
    kinds: NDArray[np.int8],
    images: NDArray[np.int32],
) -> tuple[Integers, Integers, Integers, Integers, Integers, Integers]:
    """The queries of some ranges, one range after the other, as :class:`bench.data.batch.SessionBatch` has them.

    Args:
        starts, ends: (r,) first row of each range, and the row after its last.
        word_offsets, words: of all queries of the corpus, as CSR.
        kinds, images: (Q,) of all queries; a query without an image has -1.

    Returns:
        range (T,) and kind (T,) of each query; its words (W,) and the query (W,) of each; images (M,) and the query
        (M,) of each. Queries are counted as they stand here.
    """
    steps, number_of_words, pictured = 0, 0, 0
    for run in range(len(starts)):
        if not 0 <= starts[run] <= ends[run] <= len(kinds):
            raise IndexError("a query has a row that the corpus does not have")
        steps += ends[run] - starts[run]
        number_of_words += word_offsets[ends[run]] - word_offsets[starts[run]]
        for query in range(starts[run], ends[run]):
            pictured += images[query] >= 0
    owner, kind = np.empty(steps, np.int64), np.empty(steps, np.int64)
    word, word_step = np.empty(number_of_words, np.int64), np.empty(number_of_words, np.int64)
    image, image_step = np.empty(pictured, np.int64), np.empty(pictured, np.int64)
    step, place, seen = 0, 0, 0
    for run in range(len(starts)):
        for query in range(starts[run], ends[run]):
            owner[step], kind[step] = run, kinds[query]
            for at in range(word_offsets[query], word_offsets[query + 1]):
                word[place], word_step[place] = words[at], step
                place += 1
            if images[query] >= 0:
                image[seen], image_step[seen] = images[query], step
                seen += 1
            step += 1
    return owner, kind, word, word_step, image, image_step
