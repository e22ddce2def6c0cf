"""Ids of a corpus's rows, read from its tables piece by piece: in memory, ids weigh more than all columns together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from bench.data.corpus import Corpus
from bench.data.csr import Integers
from bench.data.parquet import streamed

_PIECE = 65_536  # rows that are decoded at a time


def ids_between(corpus: Corpus, table: str, column: str, start: int, end: int) -> Iterator[pa.Array]:
    """The texts of the rows ``start`` … ``end`` - 1 of a column, in pieces; row groups before them are not read.

    Args:
        corpus: the data.
        table, column: such as ``queries`` and ``query_id``.
        start, end: rows.
    """
    corpus.check()
    with streamed(corpus.folder / f"{table}.parquet") as file:
        sizes = np.array([file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)], dtype=int)
        ends = np.cumsum(sizes)
        wanted = np.flatnonzero((ends > start) & (ends - sizes < end))
        row = int(ends[wanted[0]] - sizes[wanted[0]]) if len(wanted) else end
        for batch in file.iter_batches(_PIECE, row_groups=wanted.tolist(), columns=[column]):
            first, last = max(start - row, 0), min(end - row, len(batch))
            if first < last:
                yield batch[column].slice(first, last - first)
            row += len(batch)


def ids_of(corpus: Corpus, table: str, column: str, rows: Integers) -> pa.Array:
    """The texts of these rows (n,), large strings; a piece of the column is in memory at a time, and the n texts.

    Args:
        corpus, table, column: see :func:`ids_between`.
        rows: in any order.
    """
    order = np.argsort(rows, kind="stable")
    ascending = np.asarray(rows)[order]
    found, row = [], 0
    for piece in ids_between(corpus, table, column, 0, int(ascending[-1]) + 1 if len(ascending) else 0):
        first, last = np.searchsorted(ascending, [row, row + len(piece)])
        if first < last:
            found.append(piece.take(pa.array(ascending[first:last] - row)).cast(pa.large_string()))
        row += len(piece)
    taken = pa.concat_arrays(found) if found else pa.array([], pa.large_string())
    if np.array_equal(ascending, rows):
        return taken
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return taken.take(pa.array(place))
