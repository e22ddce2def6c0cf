"""Reading UBI logs: a million events, and a hundred thousand lines of which one in a hundred is broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from ubi_at_size import write_log

from bench.data.corpus import Corpus
from bench.datasets.ubi import make
from bench.errors import BenchError

pytestmark = pytest.mark.slow


def test_a_million_events(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.ndjson", 1_000_000)
    report = benchmark.pedantic(make, (tmp_path / "corpus",), {"name": "ubi", "source": log}, rounds=1)
    assert report.read["impressions"] + report.read["clicks"] > 990_000
    assert Corpus(tmp_path / "corpus").info.counts["queries"] == report.read["query rows"]


def test_broken_lines_are_refused_or_counted_and_never_a_traceback(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.ndjson", 100_000, one_broken_in=100)
    with pytest.raises(BenchError, match="kinds of fault") as refused:
        make(tmp_path / "corpus", name="ubi", source=log)
    assert len(str(refused.value).splitlines()) == 1
    report = make(tmp_path / "corpus", name="ubi", source=log, on_conflict="drop")
    assert report.dropped["lines that are not JSON objects"] > 150
    assert report.dropped["documents without a readable timestamp"] > 150
    assert report.kept["clicks"] > 2_800
