"""A hundred thousand lines, one in a hundred of them broken: refused with counts, or dropped and counted, as asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from event_log_generator import SHOWN, write_events

from bench.data.corpus import Corpus
from bench.datasets.ingest import IngestOptions, IngestReport, ingest
from bench.datasets.mapping import ingest_mapped, read_map
from bench.errors import BenchError

LINES = 100_000
BROKEN = 250  # of each of four kinds
MAP = """
[files.queries]
path = "queries.*"
[files.impressions]
path = "impressions.*"
[files.clicks]
path = "clicks.*"
[files.items]
path = "items.*"
[[queries]]
from = "queries"
query_id = "query_id"
user = "user"
time = "time"
text = "text"
[[impressions]]
from = "impressions"
query_id = "query_id"
item_id = "item_id"
rank = "rank"
[[clicks]]
from = "clicks"
query_id = "query_id"
item_id = "item_id"
time = "time"
[[items]]
from = "items"
item_id = "item_id"
text = "text"
"""

CSV = (
    lambda line: line.rpartition(b",")[0],
    lambda line: line + b",more",
    lambda line: line.replace(b"q", b"\xff", 1),
    lambda line: line.rpartition(b",")[0] + b",first",
)
JSON = (
    lambda line: line[: len(line) // 2],
    lambda line: b"[1, 2]",
    lambda line: line.replace(b"q", b"\xff", 2),
    lambda line: line.rpartition(b" ")[0] + b' "first"}',
)


@pytest.fixture(scope="module", params=["csv", "jsonl"])
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log with broken lines among its impressions, every hundredth, so that each kind is everywhere."""
    folder = tmp_path_factory.mktemp(request.param) / "log"
    write_events(folder, round(LINES / SHOWN * (1 + SHOWN + 0.6)), "csv", items=1_000)
    kinds = CSV if request.param == "csv" else JSON
    file = folder / "impressions.csv"
    lines = file.read_bytes().splitlines()
    if request.param == "jsonl":
        rows = pc.read_csv(file).to_pylist()
        file.unlink()
        file, lines = folder / "impressions.jsonl", [b"", *(json.dumps(row).encode() for row in rows)]
    assert len(lines) == LINES + 1
    for number, at in enumerate(range(50, LINES, LINES // (4 * BROKEN))):
        lines[at] = kinds[number % 4](lines[at])
    file.write_bytes(b"\n".join(lines) + b"\n")
    return folder


def read(log: Path, to: Path, mapped: bool, **options: Any) -> IngestReport:
    if not mapped:
        return ingest(log, to, options=IngestOptions(**options))
    log.with_name("map.toml").write_text(MAP)
    return ingest_mapped(log, to, read_map(log.with_name("map.toml")), options=IngestOptions(**options))


@pytest.mark.parametrize("mapped", [False, True])
def test_one_line_in_a_hundred(log: Path, mapped: bool, tmp_path: Path) -> None:
    with pytest.raises(BenchError) as caught:
        read(log, tmp_path / "corpus", mapped)
    said = str(caught.value)
    assert "\n" not in said
    assert f"({BROKEN:,} of " in said  # ranks that are no numbers
    assert f"{3 * BROKEN:,} " in said  # lines that cannot be read
    assert "--on-conflict drop" in said
    assert list(tmp_path.iterdir()) == []

    report = read(log, tmp_path / "corpus", mapped, on_conflict="drop")
    name = "impressions.csv" if (log / "impressions.csv").exists() else "impressions.jsonl"
    how = "CSV" if name.endswith("csv") else "JSON"
    assert report.dropped[f"lines of {name} that are not {how}"] == 3 * BROKEN
    assert report.dropped["rows of impressions without a readable rank"] == BROKEN
    assert report.kept["impressions"] == LINES - 4 * BROKEN
    assert report.read[f"rows of {name}" if mapped else "impressions"] == LINES
    assert report.kept["clicks"] == report.read.get("clicks", report.read.get("rows of clicks.csv")) - sum(
        count for reason, count in report.dropped.items() if reason.startswith("clicks")
    )
    assert Corpus(tmp_path / "corpus").info.counts["impressions"] == LINES - 4 * BROKEN


def test_the_row_that_an_error_names_is_that_of_the_file_in_a_large_one_too(tmp_path: Path) -> None:
    """A database reads a large table with several threads, and need not keep its rows where they were."""
    folder = tmp_path / "log"
    write_events(folder, 1_000_000, "parquet", items=1_000)
    shown = pq.read_table(folder / "impressions.parquet")
    ranks, row = shown["rank"].cast("string").to_pylist(), 700_123
    ranks[row] = "seventh"
    ranks = pa.array(ranks)
    pq.write_table(shown.set_column(shown.column_names.index("rank"), "rank", ranks), folder / "impressions.parquet")
    with pytest.raises(BenchError) as raised:
        ingest(folder, tmp_path / "corpus")
    assert f"row {row + 1}, column rank: 'seventh' is not" in str(raised.value)
