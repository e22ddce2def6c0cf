"""A small event log for the tests of ingest, written as CSV or Parquet."""

from __future__ import annotations

import csv
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Log = dict[str, dict[str, list[Any]]]

MINUTE = 60
START = 1_600_000_000

_LOG: Log = {
    "queries": {
        "query_id": ["q1", "q2", "q3", "q4", "q5", "q6", "q7"],
        "user": ["ann", "ann", "ann", "ben", "ben", "cat", "ann"],
        # ann pauses for exactly 30 minutes before q3 and for longer before q7; cat asks no image query
        "time": [START + MINUTE * m for m in (0, 1, 31, 5, 6, 7, 62)],
        "kind": ["keyword", "product", "keyword", "keyword", "product", "keyword", "product"],
        "text": ["red shoe", "red shoe sale", "hat", "blue  hat", "blue hat", "bag", "blue shoe"],
        "image": [None, "p1", None, None, "i2", None, "p3"],
    },
    "impressions": {
        "query_id": ["q1", "q1", "q2", "q2", "q3", "q4", "q5", "q5", "q6", "q7"],
        "item_id": ["i1", "i2", "i1", "i3", "i4", "i2", "i2", "i1", "i4", "i3"],
        "rank": [1, 2, 1, 2, 1, 1, 1, 3, 1, 1],
    },
    "clicks": {
        "query_id": ["q1", "q2", "q5", "q5", "q6"],
        "item_id": ["i2", "i3", "i1", "i1", "i4"],
        "time": [START + 10, START + MINUTE + 5, START + 400, START + 390, START + MINUTE * 7],
    },
    "items": {
        "item_id": ["i1", "i2", "i3", "i4"],
        "title": ["red shoe", "blue hat", "blue shoe", "big bag"],
        "image": ["p1", "p2", "p3", None],
        "category": ["shoes", "hats", "shoes", None],
    },
    "images": {
        "image_id": ["p1", "p2", "p3", "p4"],
        "vector": [[1.0, 0.0, 0.5], [0.0, 1.0, 0.0], [0.0, 0.0, -2.0], [9.0, 9.0, 9.0]],
    },
}


def small_log() -> Log:
    """Two users with image queries in three sessions (q1 q2 q3, q4 q5, q7), and a text-only one (q6)."""
    return deepcopy(_LOG)


def write_log(folder: Path, log: Log, suffix: str) -> Path:
    """Writes each table as ``NAME.csv`` or ``NAME.parquet``; lists become JSON in CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, columns in log.items():
        if suffix == "parquet":
            pq.write_table(pa.table(columns), folder / f"{name}.parquet")
            continue
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            for row in zip(*columns.values(), strict=True):
                writer.writerow([json.dumps(value) if isinstance(value, list) else value for value in row])
    return folder
