"""Checks of the rows of each corpus table, batch by batch.

A check yields findings; the caller adds up those with the same rule and column. What crosses a batch's border (a
session, a list of impressions) is carried to the next batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.data.checks.table_rows import (
    Finding,
    Sizes,
    SoundRows,
    TimeWindow,
    duplicates,
    integers,
    rule,
    times,
)
from bench.data.csr import Integers
from bench.data.schema import KINDS, NO_TIME, SPLITS


def vocabulary(folder: Path, sizes: Sizes) -> Iterator[Finding]:
    """Words: text, each once."""
    rows = SoundRows(folder, "vocabulary")
    for _ in rows:
        pass
    yield from rows.found or duplicates(folder, "vocabulary", "word")


def items(folder: Path, sizes: Sizes) -> Iterator[Finding]:
    """Items: ids once each, words and images in range."""
    rows = SoundRows(folder, "items")
    for first, batch in rows:
        yield from _references(batch, first, sizes)
    yield from rows.found or duplicates(folder, "items", "item_id")


def sessions(folder: Path, sizes: Sizes) -> Iterator[Finding]:
    """Sessions: ids once each, a known split. Each has one split, so splits are disjoint by construction."""
    rows = SoundRows(folder, "sessions")
    for first, batch in rows:
        yield from _one_of(batch, "split", SPLITS, first)
    yield from rows.found or duplicates(folder, "sessions", "session_id")


def queries(folder: Path, sizes: Sizes) -> Iterator[Finding]:
    """Steps: in session order, positions 0, 1, 2 …, times that do not run backwards, references in range."""
    rows, starts = SoundRows(folder, "queries"), TimeWindow(folder / "sessions.parquet", "start")
    before = (-1, -1, NO_TIME)  # session, position and time of the last row of the batch before
    fix = "sort by session and position"
    for first, batch in rows:
        yield from _one_of(batch, "kind", KINDS, first)
        yield from _references(batch, first, sizes)
        session = np.concatenate([[before[0]], integers(batch["session"])])
        position = np.concatenate([[before[1]], integers(batch["position"])])
        time = np.concatenate([[before[2]], times(batch["time"])])
        before = int(session[-1]), int(position[-1]), int(time[-1])
        step = np.diff(session)
        yield from _in_range(session[1:], sizes["sessions"], first, "session", "sessions.parquet")
        yield from rule(step < 0, first, "session", "the sessions do not ascend", fix)
        yield from rule(step > 1, first, "session", "the session before it has no query", "every session needs one")
        expected = np.where(step == 0, position[:-1] + 1, 0)
        yield from rule(position[1:] != expected, first, "position", "is not 0, 1, 2 … within the session", fix)
        backwards = (step == 0) & (time[1:] < time[:-1]) & (time[1:] != NO_TIME)
        yield from rule(backwards, first, "time", "is before the time of the query before it", "sort by time")
        opening = starts.take(session[1:])
        early = (position[1:] == 0) & (time[1:] != NO_TIME) & (time[1:] < opening)
        yield from rule(early, first, "time", "is before the start of its session", "start is the first query's time")
    if not rows.found and 0 <= before[0] < sizes["sessions"] - 1:
        what = f"session {before[0] + 1} has no query"
        yield Finding("end", what, sizes["queries"] - 1, "session", "every session needs one")
    yield from rows.found or duplicates(folder, "queries", "query_id")


def impressions(folder: Path, sizes: Sizes) -> Iterator[Finding]:
    """Shown items: in query order, ranks that ascend from 1, each item once per query, clicks that make sense."""
    rows, asked = SoundRows(folder, "impressions"), TimeWindow(folder / "queries.parquet", "time")
    carried = {name: np.zeros(0, np.int64) for name in ("query", "item", "rank")}
    for first, batch in rows:
        query, item, rank = (integers(batch[name]) for name in ("query", "item", "rank"))
        click, clicked = times(batch["click_time"]), batch["clicked"].to_numpy(zero_copy_only=False)
        yield from _in_range(query, sizes["queries"], first, "query", "queries.parquet")
        yield from _in_range(item, sizes["items"], first, "item", "items.parquet", "an item that is not listed: ")
        yield from rule(rank < 1, first, "rank", "is below 1", "1 is the top")
        yield from rule(~clicked & (click != NO_TIME), first, "click_time", "is set without a click", "null it")
        early = (click != NO_TIME) & (click < asked.take(query))
        yield from rule(early, first, "click_time", "is before the time of its query", "check the clocks")

        # The rows of the last query so far go with the next batch, since its list may go on there.
        offset = first - len(carried["query"])
        query = np.concatenate([carried["query"], query])
        item, rank = np.concatenate([carried["item"], item]), np.concatenate([carried["rank"], rank])
        new = max(first - offset - 1, 0)  # pairs before it were compared in the batch before
        step = np.diff(query)[new:]
        yield from rule(step < 0, offset + new + 1, "query", "the queries do not ascend", "sort by query and rank")
        stuck = (step == 0) & (np.diff(rank)[new:] <= 0)
        yield from rule(stuck, offset + new + 1, "rank", "does not ascend within the query", "sort by query and rank")
        end = len(query)
        if offset + end < sizes["impressions"]:
            others = np.flatnonzero(query != query[-1])
            end = int(others[-1]) + 1 if len(others) else 0
        yield from _shown_twice(query[:end], item[:end], offset)
        carried = {"query": query[end:], "item": item[end:], "rank": rank[end:]}
    yield from rows.found


CHECKS: dict[str, Callable[[Path, Sizes], Iterator[Finding]]] = {
    "vocabulary": vocabulary,
    "items": items,
    "sessions": sessions,
    "queries": queries,
    "impressions": impressions,
}
"""The check of each table. They expect that every file is there and of the schema's types."""


def _in_range(values: Integers, size: int, first: int, column: str, of: str, why: str = "") -> Iterator[Finding]:
    what = f"{why}not a row of {of}, which has {size}"
    yield from rule((values < 0) | (values >= size), first, column, what, "refer to rows from 0", values)


def _references(batch: pa.RecordBatch, first: int, sizes: Sizes) -> Iterator[Finding]:
    """Words and image of a query or an item are rows that exist."""
    words = integers(batch["words"].flatten())
    wrong = np.flatnonzero((words < 0) | (words >= sizes["vocabulary"]))
    if len(wrong):
        owner = integers(pc.list_parent_indices(batch["words"]))[wrong]
        what = f"not a row of vocabulary.parquet, which has {sizes['vocabulary']}"
        said, rows = f"{what}: {words[wrong[0]]}", len(np.unique(owner))
        yield Finding(what, said, first + int(owner[0]), "words", "refer to rows from 0", rows)
    image = integers(batch["image"].fill_null(0))
    given = batch["image"].is_valid().to_numpy(zero_copy_only=False)
    beyond = given & ((image < 0) | (image >= sizes.get("image_vectors", 1 << 40)))
    what = f"not a row of image_vectors.npy, which has {sizes.get('image_vectors')}"
    yield from rule(beyond, first, "image", what, "refer to rows from 0", image)


def _one_of(batch: pa.RecordBatch, column: str, names: tuple[str, ...], first: int) -> Iterator[Finding]:
    unknown = pc.invert(pc.is_in(batch[column], pa.array(names)))
    yield from rule(unknown, first, column, f"is not one of {', '.join(names)}", "rename it", batch[column])


def _shown_twice(query: Integers, item: Integers, first: int) -> Iterator[Finding]:
    order = np.lexsort((item, query))
    same = (np.diff(query[order]) == 0) & (np.diff(item[order]) == 0)
    if same.any():
        rows = np.sort(order[1:][same])
        what, fix = "the item is shown twice for the query", "list each item once"
        yield Finding(what, what, first + int(rows[0]), "item", fix, len(rows))
