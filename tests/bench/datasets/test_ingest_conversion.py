"""A corpus that a reader of another format made says what that reader read, dropped and noticed."""

from __future__ import annotations

from pathlib import Path

from event_logs import small_log, write_log

from bench.data.corpus import Corpus
from bench.datasets.ingest import Conversion, ingest

FILES = {"events": {"file": "events.ndjson", "bytes": 12, "sha256": "ab"}}


def test_the_readers_files_rows_and_caveats_are_those_of_the_corpus(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", small_log(), "parquet")
    conversion = Conversion(
        "ours",
        FILES,
        options={"application": "shop"},
        read={"events": 30},
        dropped={"events of other applications": 4, "nothing": 0},
        notes=("positions begin at 0",),
        warnings=("few clicks",),
        caveats=("a sample",),
    )
    report = ingest(log, tmp_path / "corpus", conversion=conversion)
    info = Corpus(tmp_path / "corpus").info
    assert info.source["reader"] == "ours"
    assert info.source["files"] == FILES
    assert info.source["options"]["application"] == "shop"
    assert info.caveats[0] == "a sample"
    assert report.read["events"] == 30
    assert report.read["queries made of these"] == 7
    assert report.dropped["events of other applications"] == 4
    assert "nothing" not in report.dropped
    assert report.notes[0] == "positions begin at 0"
    assert "few clicks" in report.warnings
