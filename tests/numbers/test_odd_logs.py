"""Ingestion of small logs of odd numbers, from the command line: a corpus, or one line."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import bench_here
from event_logs import START, Log, small_log, write_log


def one_user(log: Log) -> None:
    log["queries"]["user"] = ["ann"] * 7


def one_time(log: Log) -> None:
    log["queries"]["time"] = [START] * 7


def all_clicked(log: Log) -> None:
    asked = dict(zip(log["queries"]["query_id"], log["queries"]["time"], strict=True))
    shown = log["impressions"]["query_id"]
    items = list(log["impressions"]["item_id"])
    log["clicks"] = {"query_id": list(shown), "item_id": items, "time": [asked[query] + 1 for query in shown]}


def no_words(log: Log) -> None:
    log["items"]["title"] = [None] * 4


def clicked_before(log: Log) -> None:
    log["clicks"]["time"] = [START - 1] * 5


def endless_time(log: Log) -> None:
    log["queries"]["time"] = [math.inf, *map(float, log["queries"]["time"][1:])]


def too_large_a_number(log: Log) -> None:
    log["images"]["vector"][0][0] = 1e300


def image_missing(log: Log) -> None:
    log["images"] = {"image_id": ["p1"], "vector": [[1.0, 0.0, 0.5]]}


@pytest.mark.parametrize("change", [one_user, one_time, all_clicked, no_words])
def test_an_odd_log_is_a_corpus(tmp_path: Path, change: Callable[[Log], None]) -> None:
    log = small_log()
    change(log)
    source = write_log(tmp_path / "log", log, "parquet")
    ran = bench_here("data", "ingest", source, "--to", tmp_path / "corpus", "--json")
    assert ran.code == 0, ran.err
    assert bench_here("data", "validate", tmp_path / "corpus").code == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (clicked_before, "was clicked before the query was asked"),
        (endless_time, "row 1, column time: inf is not a timestamp"),
        (too_large_a_number, "row 1, column vector: [1e+300, 0.0, 0.5] is not a list of numbers"),
        (image_missing, "no vector for 'p2'"),
    ],
)
def test_what_is_no_number_or_lies_before_is_one_line(tmp_path: Path, change: Callable[[Log], None], said: str) -> None:
    log = small_log()
    change(log)
    source = write_log(tmp_path / "log", log, "parquet")
    assert said in bench_here("data", "ingest", source, "--to", tmp_path / "corpus").error
    assert not (tmp_path / "corpus").exists()
