"""Whether the sessions of a corpus are split as the corpus says: no user in two splits, nothing after its border."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.data.checks.table_rows import Finding, integers, marked, rule, times, value_at
from bench.data.first_rows import FirstRows
from bench.data.held_out import Borders, borders_of
from bench.data.mapped import mapped_array
from bench.data.parquet import streamed
from bench.data.schema import NO_TIME, SPLITS, TRAIN, VALID
from bench.data.split_kinds import SplitKind

_BATCH_ROWS = 131_072


def split_findings(folder: Path, split: SplitKind) -> Iterator[tuple[str, Finding]]:
    """What contradicts the split, each with the name of its table. The tables must be sound.

    What is kept of each session and query lies on disk.
    """
    if split == "user":
        for finding in _users(folder):
            yield "sessions", finding
    elif split == "time":
        yield from _times(folder)


def _users(folder: Path) -> Iterator[Finding]:
    sessions = _rows(folder, "sessions")
    users, splits = FirstRows(folder, sessions), mapped_array(folder, (sessions,), np.int8)
    for start, batch in _batches(folder, "sessions", "user", "split"):
        users.append(batch["user"])
        splits[start : start + batch.num_rows] = _codes(batch["split"])
    first = users.found()  # (S,) the first session of each one's user
    row, others = marked(sessions, lambda piece: (first[piece] >= 0) & (splits[piece] != splits[first[piece]]))
    if others:
        user, where = value_at(folder / "sessions.parquet", "user", row), SPLITS[splits[first[row]]]
        what = f"user {user!r} has sessions in {where} too, but the split is by user"
        yield Finding("user", what, row, "split", "a user's sessions belong to one split", others)


def _times(folder: Path) -> Iterator[tuple[str, Finding]]:
    split, of_query = (mapped_array(folder, (_rows(folder, table),), np.int8) for table in ("sessions", "queries"))
    fix = "a split by time needs the time of every session"
    starts, timeless = {code: np.iinfo(np.int64).max for code in range(len(SPLITS))}, False
    for first, batch in _batches(folder, "sessions", "start", "split"):
        start, codes = times(batch["start"]), _codes(batch["split"])
        split[first : first + len(codes)] = codes
        for code in starts:
            starts[code] = int(start[codes == code].min(initial=starts[code]))
        for finding in rule(start == NO_TIME, first, "start", "is null, but the split is by time", fix):
            timeless = True
            yield "sessions", finding
    if timeless:
        return
    borders = borders_of(*(np.array(numbers) for numbers in (list(starts.values()), list(starts))))
    for first, batch in _batches(folder, "queries", "session", "time"):
        mine = of_query[first : first + batch.num_rows] = split[integers(batch["session"])]
        for finding in _late(times(batch["time"]), mine, borders, first, "time"):
            yield "queries", finding
    for first, batch in _batches(folder, "impressions", "query", "click_time"):
        mine = of_query[integers(batch["query"])]
        for finding in _late(times(batch["click_time"]), mine, borders, first, "click_time"):
            yield "impressions", finding


def _rows(folder: Path, table: str) -> int:
    rows: int = pq.read_metadata(folder / f"{table}.parquet").num_rows
    return rows


def _codes(names: pa.Array) -> NDArray[np.int8]:
    return integers(pc.index_in(names, pa.array(SPLITS))).astype(np.int8)


def _batches(folder: Path, table: str, *columns: str) -> Iterator[tuple[int, pa.RecordBatch]]:
    first = 0
    with streamed(folder / f"{table}.parquet") as file:
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
