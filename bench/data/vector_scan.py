"""One look at every row of finished vectors, piece by piece: what is wrong is counted over all files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.data.expansion import check_parquet
from bench.data.parquet import streamed
from bench.data.text_keys import text_keys
from bench.data.vector_writer import VECTOR
from bench.errors import BenchError

QUERY, SESSION = "query_id", "session_id"
_PIECE = 65_536  # rows at a time


def opened(file: Path) -> tuple[str, Mapping[str, str]]:
    """The column of ids of a Parquet file of vectors, and its metadata.

    Raises:
        BenchError: it is not readable, or lacks a column.
    """
    with _readable(file):
        check_parquet(file)
        schema = pq.read_schema(file)
        names = schema.names
        by = next((name for name in (QUERY, SESSION) if name in names), None)
        if by is None or VECTOR not in names:
            lacks = VECTOR if by is not None else f"{QUERY} or {SESSION}"
            raise BenchError(f"no column {lacks}", where=str(file), fix=f"its columns: {', '.join(names) or 'none'}")
        twice = [name for name in (by, VECTOR) if names.count(name) > 1]
        if twice:
            raise BenchError(f"two columns are called {twice[0]}", where=str(file), fix="leave one of them out")
        kind = schema.field(by).type
        text = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not (pa.types.is_string(text) or pa.types.is_large_string(text)):
            raise BenchError(f"{by} is {kind}, not text", where=str(file), fix=f"write {by} as strings, as in the log")
        kind = schema.field(VECTOR).type
        is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
        if not (is_list and pa.types.is_floating(kind.value_type)):
            where = f"{file}, column {VECTOR}"
            raise BenchError(f"it is {kind}, not a list of floats", where=where, fix="such as list<float>")
    said = {key.decode(errors="replace"): v.decode(errors="replace") for key, v in (schema.metadata or {}).items()}
    return by, {key: value for key, value in said.items() if key != "ARROW:schema"}


def pieces(file: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, some at a time.

    Raises:
        BenchError: it is not readable.
    """
    with _readable(file), streamed(file, page_checksum_verification=True) as opened:
        yield from opened.iter_batches(_PIECE, columns=list(columns))


def scan(place: Path, parts: Sequence[Path], by: str) -> None:
    """Looks at every row of some files.

    Args:
        place: of the files, for errors.
        parts: the files.
        by: their column of ids.

    Raises:
        BenchError: a row is unusable; says how many and gives an example.
    """
    _check_ids(place, parts, by)
    where = f"{place}, column {VECTOR}"
    rows, empty, wrong, lengths = 0, _Found(), _Found(), Counter[int]()
    for part in parts:
        for piece in pieces(part, [by, VECTOR]):
            column, ids, rows = piece[VECTOR], piece[by], rows + len(piece)
            empty.add(ids, pc.is_null(column).to_numpy(zero_copy_only=False))
            sizes, counts = np.unique(pc.list_value_length(column.drop_null()).to_numpy(), return_counts=True)
            lengths.update(dict(zip(sizes.tolist(), counts.tolist(), strict=True)))
            if not empty.count and len(lengths) == 1 and 0 not in lengths:
                wrong.add(ids, np.any(~np.isfinite(_numbers(column)), axis=1))  # an empty entry is NaN here
    if not rows:
        raise BenchError("no rows", where=str(place))
    if empty.count:
        raise BenchError(f"{empty.count:,} rows have no vector, such as {empty.example!r}", where=where)
    if len(lengths) > 1 or 0 in lengths:
        said = ", ".join(f"{lengths[length]:,} of {length}" for length in sorted(lengths)[:4])
        raise BenchError(f"vectors must have one length, and there are {said}", where=where)
    if wrong.count:
        raise BenchError(
            f"{wrong.count:,} of {rows:,} vectors have an entry that is empty, NaN or infinite, such as that of "
            f"{wrong.example!r}",
            where=where,
        )


class _Found:
    """How many rows have something wrong, and the id of the first."""

    def __init__(self) -> None:
        self.count, self.example = 0, ""

    def add(self, ids: pa.Array, wrong: NDArray[np.bool_]) -> None:
        rows = np.flatnonzero(wrong)
        if len(rows) and not self.count:
            self.example = str(ids[int(rows[0])].as_py())
        self.count += len(rows)


def _numbers(column: pa.Array) -> NDArray[np.float32]:
    """(n, width) of lists of one length."""
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and found for that
        flat = pc.list_flatten(column).to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
    numbers: NDArray[np.float32] = flat.reshape(len(column), -1)
    return numbers


def _check_ids(place: Path, parts: Sequence[Path], by: str) -> None:
    """Looks whether every row has an id, and no two the same; keys stand for ids until two of them are equal."""
    nulls, keys = 0, []
    for ids in _ids(parts, by):
        nulls += ids.null_count
        keys.append(text_keys(ids.drop_null()))
    if nulls:
        raise BenchError(f"{nulls:,} rows have no {by}", where=str(place), fix="leave them out")
    ascending = np.concatenate([np.zeros(0, np.uint64), *keys])
    keys.clear()
    ascending.sort()
    doubtful = np.unique(ascending[1:][ascending[1:] == ascending[:-1]])
    if not len(doubtful):
        return
    alike = [ids.filter(pa.array(np.isin(text_keys(ids), doubtful))) for ids in _ids(parts, by)]
    counts = pc.value_counts(pa.concat_arrays(alike))
    twice = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(twice):
        raise BenchError(
            f"{len(twice):,} ids have several rows, such as {twice[0]['values'].as_py()!r}",
            where=f"{place}, column {by}",
            fix="one row for each id",
        )


def _ids(parts: Sequence[Path], by: str) -> Iterator[pa.Array]:
    for part in parts:
        for piece in pieces(part, [by]):
            yield piece[by].cast(pa.large_string())


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Says of a file that is none, or damaged, what it is."""
    try:
        yield
    except FileNotFoundError:
        raise BenchError("no such file", where=str(file), fix="finished vectors are a Parquet file") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError, KeyError) as error:  # names that are no text
        said = " ".join(str(error).split())[:200]
        raise BenchError(f"not readable as Parquet: {said}", where=str(file), fix="write it again") from None
