"""Reading UBI logs, and a hundred thousand events of which one document in a hundred is broken.

A hundred thousand events by default; ``UBI_EVENTS=1000000`` takes a million, which are meant to be read in a minute.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from ubi_at_size import write_log

from bench.data.corpus import Corpus
from bench.datasets.ubi import make
from bench.errors import BenchError

EVENTS = int(os.environ.get("UBI_EVENTS", "100000"))

pytestmark = pytest.mark.slow


def test_events_become_a_corpus(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.ndjson", EVENTS)
    report = benchmark.pedantic(make, (tmp_path / "corpus",), {"name": "ubi", "source": log}, rounds=1)
    assert report.read["impressions"] + report.read["clicks"] > 0.99 * EVENTS
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
