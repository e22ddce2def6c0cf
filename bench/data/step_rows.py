"""The steps that a batch of sessions holds, gathered from the columns of a corpus: arrays of rows.

In one compiled pass where there are compiled loops (:mod:`bench.kernels.session_steps`), else by numpy's operations;
the arrays are the same.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bench.data.columns import Columns
from bench.data.csr import Integers, expand_ranges, offsets_of, take_rows
from bench.kernels.doors import loops_over_arrays

Rows: TypeAlias = NDArray[np.int64]


def covered_runs(columns: Columns, queries: Integers) -> tuple[Rows, Rows, Rows]:
    """Of each run of queries (B,) of one session, the range from the session's first query to the latest of the run.

    Returns:
        the first row (r,) of each range, the row after its last (r,), and the place (B,) of each query among the rows
        of all ranges.

    Raises:
        IndexError: the corpus has no such query.
    """
    queries = np.ascontiguousarray(queries, np.int64)
    # plain arrays: an index into a memory map makes a memory map, which takes longer than the numbers
    query_session, session_queries = np.asarray(columns.query_session), np.asarray(columns.session_queries)
    loops = loops_over_arrays(_LOOPS)
    if loops is not None:
        found: tuple[Rows, Rows, Rows] = loops.covered_runs(queries, query_session, session_queries)
        return found
    if len(queries) and not 0 <= queries.min() <= queries.max() < len(query_session):
        raise IndexError(_STRANGE)
    session = query_session[queries]  # (B,)
    new = np.ones(len(queries), dtype=bool)  # whether a query begins a run
    np.not_equal(session[1:], session[:-1], out=new[1:])
    begins = np.flatnonzero(new)  # (r,)
    starts = session_queries[session[begins]]  # (r,)
    ends = np.maximum.reduceat(queries, begins) + 1 if len(begins) else starts  # (r,)
    moved = starts - offsets_of(ends - starts)[:-1]  # (r,) from rows of the corpus to places
    return starts, ends, queries - moved[np.cumsum(new) - 1]


def gathered_steps(columns: Columns, starts: Integers, ends: Integers) -> tuple[Rows, Rows, Rows, Rows, Rows, Rows]:
    """The queries of some ranges of rows, one range after the other, T steps in all.

    Args:
        columns: of the corpus.
        starts, ends: (r,) first row of each range, and the row after its last.

    Returns:
        range (T,) and kind (T,) of each step; words (W,), and the step (W,) of each; images (M,), and the step (M,) of
        each.

    Raises:
        IndexError: the corpus has no such query.
    """
    starts, ends = np.ascontiguousarray(starts, np.int64), np.ascontiguousarray(ends, np.int64)
    offsets, words = np.asarray(columns.query_word_offsets), np.asarray(columns.query_words)
    kinds, images = np.asarray(columns.query_kind), np.asarray(columns.query_image)
    loops = loops_over_arrays(_LOOPS)
    if loops is not None:
        found: tuple[Rows, Rows, Rows, Rows, Rows, Rows] = loops.gathered_steps(
            starts, ends, offsets, words, kinds, images
        )
        return found
    if len(starts) and not 0 <= starts.min() <= ends.max() <= len(kinds):
        raise IndexError(_STRANGE)
    queries, owner = expand_ranges(starts, ends)
    taken, word_step = take_rows(offsets, words, queries)
    image_step = np.flatnonzero(images[queries] >= 0)
    kind, word, image = (np.asarray(part, np.int64) for part in (kinds[queries], taken, images[queries[image_step]]))
    return owner, kind, word, word_step, image, np.asarray(image_step, np.int64)


_LOOPS = "bench.kernels.session_steps"
_STRANGE = "a query has a row that the corpus does not have"
