"""A log of sixty queries with nothing odd, to which tests do what real logs have; and the formats that it comes in."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from event_logs import Log

from bench.data.checks.corpus_checks import problems
from bench.data.corpus import Corpus
from bench.datasets.ingest import IngestOptions, IngestReport, ingest
from bench.errors import BenchError

START = 1_700_000_000
QUERIES_OF_A_SESSION = 3
COLOURS = ("red", "blue", "gold", "white")
THINGS = ("hat", "coat", "belt", "sock", "bag")
ITEMS = [
    (f"i{number}", f"{colour} {thing}", thing)
    for number, (colour, thing) in enumerate((colour, thing) for thing in THINGS for colour in COLOURS)
]


def plain_log(users: int = 20, gap: int = 120) -> Log:
    """Sessions of three queries, one a user, ``gap`` seconds apart; five items shown a query, one of them clicked."""
    log: Log = {
        "queries": {name: [] for name in ("query_id", "user", "time", "kind", "text")},
        "impressions": {name: [] for name in ("query_id", "item_id", "rank")},
        "clicks": {name: [] for name in ("query_id", "item_id", "time")},
        "items": {
            "item_id": [item for item, _, _ in ITEMS],
            "text": [text for _, text, _ in ITEMS],
            "category": [category for _, _, category in ITEMS],
        },
    }
    for user in range(users):
        for step in range(QUERIES_OF_A_SESSION):
            number = user * QUERIES_OF_A_SESSION + step
            query, time = f"q{number + 1}", START + user * 977 + step * gap
            thing, colour = THINGS[user % len(THINGS)], COLOURS[number % len(COLOURS)]
            text = thing if step == 0 else f"{colour} {thing}"
            for name, value in zip(log["queries"], (query, f"u{user}", time, "keyword", text), strict=True):
                log["queries"][name].append(value)
            shown = [ITEMS[(number * 7 + 3 * place) % len(ITEMS)][0] for place in range(5)]
            log["impressions"]["query_id"] += [query] * 5
            log["impressions"]["item_id"] += shown
            log["impressions"]["rank"] += range(1, 6)
            for name, value in zip(log["clicks"], (query, shown[number % 5], time + 20), strict=True):
                log["clicks"][name].append(value)
    return log


def separated(table: dict[str, list[Any]], separator: str = ",") -> str:
    """A table as text with a header line; lists are JSON, nulls are empty."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator)
    writer.writerow(table)
    for row in zip(*table.values(), strict=True):
        writer.writerow([json.dumps(value) if isinstance(value, list) else value for value in row])
    return text.getvalue()


def json_lines(table: dict[str, list[Any]]) -> str:
    """A table as an object on each line; nulls are left out."""
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    return "".join(json.dumps({k: v for k, v in row.items() if v is not None}) + "\n" for row in rows)


def _text(
    name: str, render: Callable[[dict[str, list[Any]]], str]
) -> Callable[[Path, str, dict[str, list[Any]]], None]:
    def write(folder: Path, table: str, columns: dict[str, list[Any]]) -> None:
        (folder / f"{table}{name}").write_text(render(columns), encoding="utf-8")

    return write


def _gzip(folder: Path, table: str, columns: dict[str, list[Any]]) -> None:
    (folder / f"{table}.csv.gz").write_bytes(gzip.compress(separated(columns).encode()))


def _parquet(folder: Path, table: str, columns: dict[str, list[Any]]) -> None:
    pq.write_table(pa.table(columns), folder / f"{table}.parquet")


def _spark(folder: Path, table: str, columns: dict[str, list[Any]]) -> None:
    parts = folder / f"{table}.parquet"
    parts.mkdir()
    (parts / "_SUCCESS").touch()
    (parts / ".part-00000.crc").write_bytes(b"x")
    whole = pa.table(columns)
    half = len(whole) // 2
    pq.write_table(whole.slice(0, half), parts / "part-00000.snappy.parquet")
    pq.write_table(whole.slice(half), parts / "part-00001.snappy.parquet")


FORMATS: dict[str, Callable[[Path, str, dict[str, list[Any]]], None]] = {
    "csv": _text(".csv", separated),
    "tsv": _text(".tsv", lambda table: separated(table, "\t")),
    "semicolons": _text(".csv", lambda table: separated(table, ";")),
    "pipes": _text(".txt", lambda table: separated(table, "|")),
    "json lines": _text(".jsonl", json_lines),
    "json list": _text(".json", lambda table: "[" + ",\n".join(json_lines(table).splitlines()) + "]"),
    "gzip": _gzip,
    "parquet": _parquet,
    "spark": _spark,
}
"""How the tables of a log are written, by the format's name."""


def write(folder: Path, log: Log, form: str = "csv") -> Path:
    """Writes a log; ``form`` is a key of ``FORMATS``."""
    folder.mkdir(parents=True)
    for table, columns in log.items():
        FORMATS[form](folder, table, columns)
    return folder


def made_from(folder: Path, **options: Any) -> tuple[Corpus, IngestReport]:
    """The corpus and the report of a log's folder; text-only sessions are kept."""
    to = folder.with_name(f"{folder.name} corpus")
    report = ingest(folder, to, options=IngestOptions(keep_text_only=True, **options))
    assert problems(to) == []
    return Corpus(to), report


def made(tmp_path: Path, log: Log, form: str = "csv", **options: Any) -> tuple[Corpus, IngestReport]:
    """The corpus and the report of a log that is written first."""
    return made_from(write(tmp_path / f"log {len(list(tmp_path.iterdir()))}", log, form), **options)


def refused(tmp_path: Path, log: Log, form: str = "csv", **options: Any) -> str:
    """The one line with which a log is refused."""
    return refused_from(write(tmp_path / f"log {len(list(tmp_path.iterdir()))}", log, form), **options)


def refused_from(folder: Path, **options: Any) -> str:
    """The one line with which a log's folder is refused; nothing is left beside it."""
    with pytest.raises(BenchError) as caught:
        made_from(folder, **options)
    assert not folder.with_name(f"{folder.name} corpus").exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def rows(corpus: Corpus, table: str) -> list[dict[str, Any]]:
    """The rows of a corpus's table."""
    return pq.read_table(corpus.folder / f"{table}.parquet").to_pylist()


def words(corpus: Corpus) -> list[str]:
    """The vocabulary of a corpus."""
    return [row["word"] for row in rows(corpus, "vocabulary")]
