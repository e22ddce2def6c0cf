"""What click prediction returns: scores of each query, and the scored candidates, which are too many for memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bench.contracts import TaskResult
from bench.data.corpus import Corpus
from bench.data.csr import offsets_of
from bench.data.id_columns import ids_of
from bench.data.mapped import mapped_array
from bench.training.context import TrainingContext
from tasks.examples.click_evaluation import ScoredQueries


def click_result(
    corpus: Corpus, queries: NDArray[np.int64], scored: Iterable[ScoredQueries], context: TrainingContext
) -> TaskResult:
    """Collects the scored parts of an evaluation; memory grows with the queries, not with what they showed.

    Args:
        corpus: the data.
        queries: (Q,) rows of all that is scored, ascending.
        scored: parts, in the order of the queries.
        context: its curve, and the disk for the predictions: their columns are maps of files without a name.
    """
    ids, shown = ids_of(corpus, "queries", "query_id", queries), corpus.columns.query_impressions
    offsets = offsets_of(shown[queries + 1] - shown[queries])  # (Q + 1,) of the queries into the n candidates
    units = _RepeatedTexts(ids, np.diff(offsets), context.scratch)
    item, clicked, score = (
        mapped_array(context.scratch, (offsets[-1],), kind) for kind in (np.int32, bool, np.float32)
    )
    metrics: dict[str, list[NDArray[np.float64]]] = {}
    for part in scored:
        mine, there = slice(offsets[part.rows.start], offsets[part.rows.stop]), part.candidates.shown
        item[mine], clicked[mine] = part.candidates.items[there], part.candidates.clicked[there]
        score[mine] = part.scores[there]
        units.append(part.rows)
        for name, values in part.metrics().items():
            metrics.setdefault(name, []).append(values)
    columns = {"unit": units.column(), "item": item, "clicked": clicked, "score": score}
    predictions = pd.DataFrame(columns, copy=False)
    return TaskResult(_scores(corpus, queries, ids, metrics), predictions, pd.DataFrame(context.curve))


def _scores(
    corpus: Corpus, queries: NDArray[np.int64], ids: pa.Array, metrics: dict[str, list[NDArray[np.float64]]]
) -> pd.DataFrame:
    """A row for each metric and query. Ids of one metric's rows are those of every other's, and in memory once."""
    sessions = corpus.columns.query_session[queries]
    users = ids_of(corpus, "sessions", "user", sessions)
    if users.null_count:
        users = pc.coalesce(users, ids_of(corpus, "sessions", "session_id", sessions))
    names = [pa.repeat(pa.scalar(name, pa.large_string()), len(queries)) for name in metrics]
    return pd.DataFrame(
        {
            "unit": pa.chunked_array([ids] * len(metrics)).to_pandas(),
            "user": pa.chunked_array([users] * len(metrics)).to_pandas(),
            "metric": pa.chunked_array(names).to_pandas(),
            "value": np.concatenate([values for of_metric in metrics.values() for values in of_metric]),
        },
        copy=False,
    )


class _RepeatedTexts:
    """Texts, each so many times, as an Arrow column in files without a name.

    Args:
        texts: (Q,) large strings.
        times: (Q,) how often each is there.
        folder: says which disk.
    """

    def __init__(self, texts: pa.Array, times: NDArray[np.int64], folder: Path) -> None:
        self._texts, self._times, self._rows, self._bytes = texts, times, 0, 0
        size = int((pc.binary_length(texts).to_numpy(zero_copy_only=False) * times).sum())
        self._offsets = mapped_array(folder, (int(times.sum()) + 1,), np.int64)
        self._data = mapped_array(folder, (size,), np.uint8)

    def append(self, rows: slice) -> None:
        """Writes the next texts, those in ``rows``."""
        place = np.repeat(np.arange(rows.start, rows.stop), self._times[rows])
        repeated = self._texts.take(pa.array(place))  # starts at the first byte of its buffer
        _, ends, data = repeated.buffers()
        offsets = np.frombuffer(ends, np.int64, len(repeated) + 1)
        rows_end, bytes_end = self._rows + len(repeated), self._bytes + int(offsets[-1])
        self._data[self._bytes : bytes_end] = np.frombuffer(data or b"", np.uint8, int(offsets[-1]))
        self._offsets[self._rows + 1 : rows_end + 1] = self._bytes + offsets[1:]
        self._rows, self._bytes = rows_end, bytes_end

    def column(self) -> pd.Series:
        """All of them, when all have been written."""
        buffers = (pa.py_buffer(self._offsets), pa.py_buffer(self._data))
        found: pd.Series = pa.LargeStringArray.from_buffers(self._rows, *buffers).to_pandas()
        return found
