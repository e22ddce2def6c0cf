"""Reading a corpus table for its checks: batch by batch, and only as long as the rows are sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.data.csr import Integers
from bench.data.first_rows import FirstRows, equal_keys
from bench.data.mapped import pieces
from bench.data.parquet import streamed
from bench.data.schema import NO_TIME, TABLES

_BATCH_ROWS = 131_072
_SMALL = 100_000
"""Rows of a table that is looked at in memory."""

Sizes = dict[str, int]
"""Rows of each table and of each matrix."""


@dataclass
class Finding:
    """A rule that rows of a table break: the first such row, and how many there are."""

    rule: str
    what: str
    row: int | None
    column: str | None
    fix: str | None
    rows: int = 1


class SoundRows:
    """The rows of a table with the number of the first, batch by batch, as long as all are sound.

    From the first batch that has nulls or broken text where none may be, or cannot be read, nothing is yielded any
    more, and ``found`` fills with what is wrong.
    """

    def __init__(self, folder: Path, table: str) -> None:
        self.path, self.schema, self.found = folder / f"{table}.parquet", TABLES[table], list[Finding]()

    def __iter__(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        first = 0
        try:
            with streamed(self.path) as file:
                for batch in file.iter_batches(_BATCH_ROWS):
                    for field in self.schema:
                        self.found += _unsound(batch[field.name], field, first)
                    if not self.found:
                        yield first, batch
                    first += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            what = f"the file cannot be read beyond this row: {str(error).splitlines()[0]}"
            self.found.append(Finding("damage", what, first, None, "make the corpus again"))


class TimeWindow:
    """A time column that is read alongside rows that refer to it in ascending order."""

    def __init__(self, path: Path, column: str) -> None:
        self._batches = streamed(path).iter_batches(_BATCH_ROWS, columns=[column])
        self._start, self._values = 0, np.zeros(0, np.int64)

    def take(self, rows: Integers) -> NDArray[np.int64]:
        """Times of ``rows`` in ms; the smallest int64 where null, out of range, or out of order."""
        if not len(rows):
            return np.zeros(0, np.int64)
        drop = int(np.clip(rows.min() - self._start, 0, len(self._values)))
        self._start, parts = self._start + drop, [self._values[drop:]]
        end = self._start + len(parts[0])
        while end <= rows.max() and (batch := self._next()) is not None:
            parts.append(batch)
            end += len(batch)
        self._values = np.concatenate(parts)
        index = rows - self._start
        known = (index >= 0) & (index < len(self._values))
        times = np.full(len(rows), NO_TIME)
        times[known] = self._values[index[known]]
        return times

    def _next(self) -> NDArray[np.int64] | None:
        try:
            return times(next(self._batches)[0])
        except (StopIteration, pa.ArrowException, OSError):
            return None  # damage is reported where that table is checked


def _unsound(column: pa.Array, field: pa.Field, first: int) -> Iterator[Finding]:
    """Findings of nulls where none may be, and of text that is not UTF-8."""
    if column.null_count and not field.nullable:
        yield from rule(column.is_null(), first, field.name, "is null", "a value is needed")
    if pa.types.is_list(field.type) and column.flatten().null_count:
        parents = pc.list_parent_indices(column).filter(column.flatten().is_null())
        yield Finding("null in list", "the list holds a null", first + parents[0].as_py(), field.name, "remove it")
    if pa.types.is_string(field.type) and not _is_utf8(column):
        low, high = 0, len(column)  # the first broken text is in [low, high)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _is_utf8(column.slice(low, middle - low)) else (low, middle)
        yield Finding("utf-8", "the text is not UTF-8", first + low, field.name, "convert it")


def _is_utf8(column: pa.Array) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def rule(broken: Any, first: int, column: str, what: str, fix: str, values: Any = None) -> Iterator[Finding]:
    """A finding if any of ``broken`` (n,) holds; ``first`` is the row number of its first element."""
    at = np.flatnonzero(np.asarray(broken))
    if len(at):
        said = what if values is None else f"{what}: {values[int(at[0])]}"
        yield Finding(what, said, first + int(at[0]), column, fix, len(at))


def duplicates(folder: Path, table: str, column: str) -> Iterator[Finding]:
    """Values that occur twice. Their keys are compared on disk; where two are equal, it is looked where.

    A small table is looked at in memory: most corpora of tests are small.
    """
    file = folder / f"{table}.parquet"
    if _small_and_distinct(file, column):
        return
    rows = pq.read_metadata(file).num_rows
    if not equal_keys(folder, _values(file, column), rows):
        return
    first = FirstRows(folder, rows)
    for values in _values(file, column):
        first.append(values)
    found = first.found()
    row, twice = marked(rows, lambda piece: found[piece] != np.arange(piece.start, piece.stop))
    if twice:
        what = f"{value_at(file, column, row)!r} stands twice"
        yield Finding("duplicate", what, row, column, "keep one of them", twice)


def marked(rows: int, marks: Callable[[slice], NDArray[np.bool_]]) -> tuple[int, int]:
    """The first of ``rows`` rows that is marked, -1 without one, and how many are; looked at piece by piece."""
    first, count = -1, 0
    for piece in pieces(rows):
        found = np.flatnonzero(marks(piece))
        if len(found) and not count:
            first = piece.start + int(found[0])
        count += len(found)
    return first, count


def _values(file: Path, column: str) -> Iterator[pa.Array]:
    with streamed(file) as parquet:
        for batch in parquet.iter_batches(_BATCH_ROWS, columns=[column]):
            yield batch[column]


def value_at(file: Path, column: str, row: int) -> Any:
    """The value of a column in a row; the rows before it are read."""
    for values in _values(file, column):
        if row < len(values):
            return values[row].as_py()
        row -= len(values)
    raise IndexError(row)


def _small_and_distinct(file: Path, column: str) -> bool:
    with streamed(file) as parquet:
        if parquet.metadata.num_rows > _SMALL:
            return False
        values = parquet.read(columns=[column]).column(column)
    return len(values.unique()) == len(values)


def integers(values: pa.Array) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = values.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    return numbers


def times(values: pa.Array) -> NDArray[np.int64]:
    times: NDArray[np.int64] = values.cast(pa.int64()).fill_null(NO_TIME).to_numpy(zero_copy_only=False)
    return times
