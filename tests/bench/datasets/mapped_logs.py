"""A small log in a layout of its own, in several formats, and the map of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from event_logs import Log
from odd_logs import FORMATS, QUERIES_OF_A_SESSION, plain_log

from bench.data.checks.corpus_checks import problems
from bench.data.corpus import Corpus
from bench.datasets.ingest import IngestOptions, IngestReport
from bench.datasets.mapping import ingest_mapped, read_map

MAP = """
[files.shown]
path = "shown.*"

[files.asked]
path = "asked.*"

[files.goods]
path = "goods.*"

[[queries]]
from = "asked"
query_id = ["visitor", "nr"]
user = "visitor"
time = { column = "at", unit = "s" }
kind = { column = "how", values = { t = "keyword" } }
text = "typed"

[[impressions]]
from = "shown"
query_id = ["visitor", "nr"]
item_id = "sku"
rank = "place"

[[clicks]]
from = "shown"
join = [{ file = "asked", on = ["visitor", "nr"] }]
where = { clicked = true }
query_id = ["visitor", "nr"]
item_id = "sku"
time = { column = "asked.at", unit = "s" }

[[items]]
from = "goods"
item_id = "sku"
title = "name"
category = "shelf"
"""


def wide_log() -> Log:
    """The plain log as a shop might keep it: one row for each shown item, with a column that says what was clicked."""
    log = plain_log()
    clicked = set(zip(log["clicks"]["query_id"], log["clicks"]["item_id"], strict=True))
    queries = log["queries"]
    number = {query: n for n, query in enumerate(queries["query_id"])}
    visitor = dict(zip(queries["query_id"], queries["user"], strict=True))
    pairs = list(zip(log["impressions"]["query_id"], log["impressions"]["item_id"], strict=True))
    return {
        "asked": {
            "visitor": list(queries["user"]),
            "nr": [number[query] % QUERIES_OF_A_SESSION for query in queries["query_id"]],
            "at": list(queries["time"]),
            "how": ["t"] * len(number),
            "typed": list(queries["text"]),
        },
        "shown": {
            "visitor": [visitor[query] for query, _ in pairs],
            "nr": [number[query] % QUERIES_OF_A_SESSION for query, _ in pairs],
            "sku": [item for _, item in pairs],
            "place": list(log["impressions"]["rank"]),
            "clicked": [pair in clicked for pair in pairs],
        },
        "goods": {
            "sku": list(log["items"]["item_id"]),
            "name": list(log["items"]["text"]),
            "shelf": list(log["items"]["category"]),
        },
    }


def write_mapped(folder: Path, log: Log, form: str = "csv", text: str = MAP) -> Path:
    """Writes a log and its map beside it; returns the log's folder."""
    folder.mkdir(parents=True)
    for table, columns in log.items():
        FORMATS[form](folder, table, columns)
    folder.with_name(f"{folder.name}.toml").write_text(text, encoding="utf-8")
    return folder


def made_mapped(folder: Path, **options: Any) -> tuple[Corpus, IngestReport]:
    """The corpus and the report of a log by the map beside it."""
    to = folder.with_name(f"{folder.name} corpus")
    log_map = read_map(folder.with_name(f"{folder.name}.toml"))
    report = ingest_mapped(folder, to, log_map, name="mapped", options=IngestOptions(**options))
    assert problems(to) == []
    return Corpus(to), report
