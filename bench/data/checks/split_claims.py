"""Whether the sessions of a corpus are split as the corpus says: no user in two splits, nothing after its border."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.data.checks.table_rows import Finding, integers, rule, times
from bench.data.held_out import Borders, borders_of
from bench.data.schema import NO_TIME, SPLITS, TRAIN, VALID
from bench.data.split_kinds import SplitKind

_BATCH_ROWS = 131_072


def split_findings(folder: Path, split: SplitKind) -> Iterator[tuple[str, Finding]]:
    """What contradicts the split, each with the name of its table. The tables must be sound.

    Memory is that of the sessions' users (``user``), or of a split code for each query (``time``).
    """
    if split == "user":
        for finding in _users(folder):
            yield "sessions", finding
    elif split == "time":
        yield from _times(folder)


def _users(folder: Path) -> Iterator[Finding]:
    table = pq.read_table(folder / "sessions.parquet", columns=["user", "split"])
    user, split = table["user"].combine_chunks().dictionary_encode(), table["split"].combine_chunks()
    code = integers(user.indices.fill_null(-1))  # (S,)
    first = np.full(len(user.dictionary), -1, dtype=np.int64)
    known = np.flatnonzero(code >= 0)[::-1]
    first[code[known]] = known  # (U,) the first session of each user
    splits = integers(pc.index_in(split, pa.array(SPLITS)))
    other = (code >= 0) & (splits != splits[first[code]]) if len(first) else np.zeros(len(code), dtype=bool)
    if other.any():
        row = int(np.flatnonzero(other)[0])
        where = SPLITS[splits[first[code[row]]]]
        what = f"user {user.dictionary[int(code[row])].as_py()!r} has sessions in {where} too, but the split is by user"
        fix = "a user's sessions belong to one split"
        yield Finding("user", what, row, "split", fix, int(np.count_nonzero(other)))


def _times(folder: Path) -> Iterator[tuple[str, Finding]]:
    table = pq.read_table(folder / "sessions.parquet", columns=["start", "split"])
    start = times(table["start"].combine_chunks())
    fix = "a split by time needs the time of every session"
    timeless = list(rule(start == NO_TIME, 0, "start", "is null, but the split is by time", fix))
    yield from (("sessions", finding) for finding in timeless)
    if timeless:
        return
    split = integers(pc.index_in(table["split"].combine_chunks(), pa.array(SPLITS))).astype(np.int8)
    borders = borders_of(start, split)
    of_query = np.zeros(pq.read_metadata(folder / "queries.parquet").num_rows, dtype=np.int8)
    for first, batch in _batches(folder, "queries", "session", "time"):
        mine = of_query[first : first + batch.num_rows] = split[integers(batch["session"])]
        for finding in _late(times(batch["time"]), mine, borders, first, "time"):
            yield "queries", finding
    for first, batch in _batches(folder, "impressions", "query", "click_time"):
        mine = of_query[integers(batch["query"])]
        for finding in _late(times(batch["click_time"]), mine, borders, first, "click_time"):
            yield "impressions", finding


def _batches(folder: Path, table: str, *columns: str) -> Iterator[tuple[int, pa.RecordBatch]]:
    first = 0
    with pq.ParquetFile(folder / f"{table}.parquet") as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=list(columns)):
            yield first, batch
            first += batch.num_rows


def _late(
    time: NDArray[np.int64], split: NDArray[np.int8], borders: Borders, first: int, column: str
) -> Iterator[Finding]:
    """Events of training or validation that are not before the period that follows theirs."""
    fix = "leave such sessions out: the split is by time"
    for code, border, following in ((TRAIN, borders.valid, "validation or test"), (VALID, borders.test, "test")):
        what = f"is of {SPLITS[code]}, but not before {following} begins"
        yield from rule((split == code) & (time != NO_TIME) & (time >= border), first, column, what, fix)
