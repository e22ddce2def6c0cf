"""A log of millions of events, written in blocks of rows that numpy makes: queries, impressions, clicks and items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

SHOWN = 8
CLICKED = 0.6
START = 1_700_000_000_000
_STEPS = 4
_WORDS = 20_000
_BLOCK = 100_000


def write_events(folder: Path, events: int, form: str = "parquet", items: int = 100_000, seed: int = 0) -> int:
    """Writes a log of some ``events`` queries, impressions and clicks; returns their exact number.

    A query shows eight items and has a click with probability 0.6, so that 9.6 events go on a query. Users ask four
    queries, minutes apart, on a random day of a year. Words and items are drawn by Zipf's law.

    Args:
        folder: is made.
        events: how many.
        form: ``parquet`` or ``csv``.
        items: number of items in the catalogue.
        seed: of everything.
    """
    folder.mkdir(parents=True)
    rng, queries, written = np.random.default_rng(seed), round(events / (1 + SHOWN + CLICKED)), 0
    titles = _texts(rng, items, 4)
    _write(folder / f"items.{form}", form, [pa.table({"item_id": _ids("i", np.arange(items)), "text": titles})])
    blocks = [np.arange(first, min(first + _BLOCK, queries)) for first in range(0, queries, _BLOCK)]
    made = [_block(rows, items, np.random.default_rng([seed, number])) for number, rows in enumerate(blocks)]
    for name in ("queries", "impressions", "clicks"):
        tables = [block[name] for block in made]
        _write(folder / f"{name}.{form}", form, tables)
        written += sum(len(table) for table in tables)
    return written


def _block(rows: Any, items: int, rng: np.random.Generator) -> dict[str, pa.Table]:
    users, ids = rows // _STEPS, _ids("q", rows)
    day = (users * 2_654_435_761) % 365
    minute = (users * 40_503) % 1200 + 3 * (rows % _STEPS)
    time = START + day * 86_400_000 + minute * 60_000 + rng.integers(0, 30_000, len(rows))
    first = np.minimum(rng.zipf(1.3, len(rows)), items) - 1
    shown = (first[:, None] + np.arange(SHOWN) * 7_919) % items  # (Q, 8), each item once
    clicked = np.flatnonzero(rng.random(len(rows)) < CLICKED)
    place = rng.integers(0, SHOWN, len(clicked))
    return {
        "queries": pa.table(
            {
                "query_id": ids,
                "user": _ids("u", users),
                "time": time,
                "kind": pa.array(["keyword"]).take(pa.array(np.zeros(len(rows), dtype=np.int64))),
                "text": _texts(rng, len(rows), 2),
            }
        ),
        "impressions": pa.table(
            {
                "query_id": ids.take(pa.array(np.repeat(np.arange(len(rows)), SHOWN))),
                "item_id": _ids("i", shown.reshape(-1)),
                "rank": np.tile(np.arange(1, SHOWN + 1), len(rows)),
            }
        ),
        "clicks": pa.table(
            {
                "query_id": ids.take(pa.array(clicked)),
                "item_id": _ids("i", shown[clicked, place]),
                "time": time[clicked] + 5_000,
            }
        ),
    }


def _ids(prefix: str, numbers: Any) -> pa.Array:
    return pa.array(np.char.add(prefix, numbers.astype("U12")))


def _texts(rng: np.random.Generator, count: int, words: int) -> pa.Array:
    drawn = np.minimum(rng.zipf(1.2, (count, words)), _WORDS).astype("U6")
    text = np.char.add("w", drawn[:, 0])
    for column in range(1, words):
        text = np.char.add(text, np.char.add(" w", drawn[:, column]))
    return pa.array(text)


def _write(path: Path, form: str, tables: list[pa.Table]) -> None:
    writer = pq.ParquetWriter(path, tables[0].schema) if form == "parquet" else pc.CSVWriter(path, tables[0].schema)
    with writer:
        for table in tables:
            writer.write_table(table)
