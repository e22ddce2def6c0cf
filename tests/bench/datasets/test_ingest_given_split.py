"""A log that brings its own split keeps it; nothing of a test session is trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from event_logs import write_log
from odd_logs import plain_log

from bench.datasets.ingest import IngestOptions, IngestReport, ingest
from bench.errors import BenchError


def made(tmp_path: Path, given: list[Any], **options: Any) -> tuple[list[str], IngestReport]:
    """The splits of twenty sessions in the order of their starts, and the report; ``given`` is that of each query."""
    log = plain_log()
    log["queries"]["split"] = given
    write_log(tmp_path / "log", log, "parquet")
    report = ingest(tmp_path / "log", tmp_path / "corpus", options=IngestOptions(keep_text_only=True, **options))
    return pq.read_table(tmp_path / "corpus" / "sessions.parquet")["split"].to_pylist(), report


def test_the_given_split_stays_and_validation_comes_out_of_training(tmp_path: Path) -> None:
    split, _ = made(tmp_path, ["train"] * 45 + ["Test"] * 15, valid_share=0.2)
    assert split[15:] == ["test"] * 5
    assert sorted(split[:15]) == ["train"] * 12 + ["valid"] * 3


def test_given_validation_sessions_stay_too(tmp_path: Path) -> None:
    split, _ = made(tmp_path, ["train"] * 30 + ["valid"] * 12 + ["test"] * 18)
    assert split == ["train"] * 10 + ["valid"] * 4 + ["test"] * 6


def test_a_session_of_two_splits_is_of_the_later_one_and_said(tmp_path: Path) -> None:
    split, report = made(tmp_path, ["test", *["train"] * 44, *["test"] * 15])
    assert split[0] == "test"
    assert report.warnings[-1] == "1 sessions have queries of several splits; each is of the last of them"


def test_a_column_of_nulls_is_refused_as_are_other_names(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"'dev' is no split \(3 of 60 rows\).*there is no value \(2 of 60 rows\)"):
        made(tmp_path, [None, None, *["dev"] * 3, *["train"] * 40, *["test"] * 15])


def test_nothing_to_train_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no session for training"):
        made(tmp_path, ["test"] * 60)
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_a_split_by_time_that_is_asked_for_comes_before_the_given_one(tmp_path: Path) -> None:
    split, _ = made(tmp_path, ["test"] * 30 + ["train"] * 30, split="time")
    assert split == sorted(split, key=["train", "valid", "test"].index)
