"""A small UBI log, and the forms in which search engines and their tools write one."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bench.data.corpus import Corpus
from bench.datasets.ingest import IngestReport
from bench.datasets.ubi import make

Document = dict[str, Any]

START = 1_733_788_800_000
"""2024-12-10, in ms since 1970."""
TITLES = {
    f"B{number}": f"{colour} {thing}"
    for number, (colour, thing) in enumerate(
        (colour, thing) for colour in ("red", "blue", "green") for thing in ("shoe", "hat", "bag", "sock")
    )
}


def iso(milliseconds: int) -> str:
    """A time as UBI's plugins write it."""
    seconds, rest = divmod(START + milliseconds, 1000)
    day, within = divmod(seconds, 86_400)
    assert day == START // 86_400_000
    return f"2024-12-10T{within // 3600:02}:{within % 3600 // 60:02}:{within % 60:02}.{rest:03}Z"


def query(query_id: str, text: str | None, at: int, client: str | None = "c1", **others: Any) -> Document:
    """A row of ubi_queries, ``at`` ms after :data:`START`."""
    made: Document = {"application": "shop", "query_id": query_id, "client_id": client, "user_query": text}
    return {**made, "timestamp": iso(at), "query_attributes": {}, **others}


def event(
    action: str,
    query_id: str | None,
    item: Any,
    ordinal: Any,
    at: int,
    client: str | None = "c1",
    session: str | None = "s1",
    **others: Any,
) -> Document:
    """A row of ubi_events."""
    made: Document = {"application": "shop", "action_name": action, "query_id": query_id, "client_id": client}
    made |= {"session_id": session, "timestamp": iso(at), "message_type": None, "message": None}
    attributes: Document = {"position": {"ordinal": ordinal}}
    if item is not None:
        attributes["object"] = {"object_id": item, "object_id_field": "asin", "description": TITLES.get(str(item))}
    return {**made, "event_attributes": attributes, **others}


def shown(query_id: str, items: Sequence[Any], at: int, first: int = 1, **others: Any) -> list[Document]:
    """The impressions of a list."""
    return [
        event("impression", query_id, item, first + place, at + place, **others) for place, item in enumerate(items)
    ]


def small_log() -> list[Document]:
    """Six sessions of four clients, a query with two rows, clicks, and events of other actions."""
    log = []
    for number, (client, session) in enumerate((("c1", "s1"), ("c2", "s2"), ("c3", "s3"), ("c4", "s4"), ("c1", "s5"))):
        at = number * 600_000
        for step, (colour, thing) in enumerate((("red", "shoe"), ("blue", "hat"))):
            name, text, when = f"q{number}{step}", f"{colour} {thing}", at + step * 60_000
            items = [f"B{(number + step + place * 3) % 12}" for place in range(4)]
            log += [query(name, text, when, client), query(name, text, when + 3, client)]
            log += shown(name, items, when + 100, client=client, session=session)
            log.append(event("click", name, items[number % 4], number % 4 + 1, when + 5000, client, session))
            log.append(event("add_to_cart", name, items[0], 1, when + 6000, client, session))
    log.append(query("q9", "green sock", 50_000_000, "c9", query_response_hit_ids=["B11", "B3", "B7"]))
    return deepcopy(log)


def is_event(document: Document) -> bool:
    """Whether a document is an event."""
    return "action_name" in document


def write_lines(path: Path, documents: Sequence[Any]) -> Path:
    """JSON lines; a text is written as it is, as a line that may be broken."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in documents)
    if path.suffix == ".gz":
        with gzip.open(path, "wt") as file:
            file.write(lines)
    else:
        path.write_text(lines)
    return path


def write_bulk(path: Path, documents: Sequence[Document]) -> Path:
    """The body of a bulk request: before each document a line that names its index."""
    pairs: list[Document] = []
    for number, document in enumerate(documents):
        index = "ubi_events" if is_event(document) else "ubi_queries"
        pairs += [{"index": {"_index": index, "_id": str(number)}}, document]
    return write_lines(path, pairs)


def write_hits(path: Path, documents: Sequence[Document]) -> Path:
    """Hits as elasticdump writes them."""
    hits = [
        {"_index": "ubi_events" if is_event(one) else "ubi_queries", "_id": str(number), "_source": one}
        for number, one in enumerate(documents)
    ]
    return write_lines(path, hits)


def write_response(path: Path, documents: Sequence[Document]) -> Path:
    """The answers of a search engine to searches for the log, one a line."""
    hits = [{"_index": "ubi_events" if is_event(one) else "ubi_queries", "_source": one} for one in documents]
    halves = (hits[: len(hits) // 2], hits[len(hits) // 2 :])
    return write_lines(path, [{"took": 3, "hits": {"total": {"value": 9}, "hits": half}} for half in halves])


def write_two(folder: Path, documents: Sequence[Document], suffix: str = ".ndjson") -> Path:
    """A file of queries and a file of events."""
    write_lines(folder / f"ubi_queries{suffix}", [one for one in documents if not is_event(one)])
    write_lines(folder / f"ubi_events{suffix}", [one for one in documents if is_event(one)])
    return folder


def table_of(documents: Sequence[Document]) -> pa.Table:
    """Documents as a table with nested columns; empty objects, which Parquet does not have, are nulls."""
    names = dict.fromkeys(name for one in documents for name in one)
    return pa.table({name: [one.get(name) or None for one in documents] for name in names})


def write_parquet(folder: Path, documents: Sequence[Document]) -> Path:
    """Parquet with nested columns, a file of queries and one of events."""
    folder.mkdir(parents=True)
    pq.write_table(table_of([one for one in documents if not is_event(one)]), folder / "ubi_queries.parquet")
    pq.write_table(table_of([one for one in documents if is_event(one)]), folder / "ubi_events.parquet")
    return folder


def shuffled(documents: Sequence[Document], seed: int) -> list[Document]:
    """The documents in another order."""
    mixed = list(documents)
    random.Random(seed).shuffle(mixed)
    return mixed


def corpus_of(
    tmp_path: Path, documents: Sequence[Any], name: str = "corpus", **options: Any
) -> tuple[Corpus, IngestReport]:
    """The corpus of documents that are written as JSON lines, and its report."""
    source = write_lines(tmp_path / f"{name}-log" / "log.ndjson", documents)
    report = make(tmp_path / name, name="ubi", source=source, **options)
    return Corpus(tmp_path / name), report
