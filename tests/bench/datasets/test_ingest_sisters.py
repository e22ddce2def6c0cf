"""Kinds of oddity that text files of logs have, beside those that other tests are named after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from odd_logs import START, made, made_from, plain_log, refused, refused_from, rows, separated, words, write


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The fingerprint of the plain log."""
    return made(tmp_path_factory.mktemp("plain"), plain_log())[0].info.fingerprint


def test_latin_1_is_refused_with_the_line_and_the_column(tmp_path: Path) -> None:
    log = plain_log()
    folder = write(tmp_path / "log", log)
    log["items"]["text"][3] = "béret"
    (folder / "items.csv").write_bytes(separated(log["items"]).encode("latin-1"))
    assert "items.csv, line 5, column text: the text is not UTF-8" in refused_from(folder)


@pytest.mark.parametrize("table", ["queries", "impressions", "clicks", "items"])
def test_a_byte_order_mark(table: str, tmp_path: Path, plain: str) -> None:
    folder = write(tmp_path / "log", plain_log())
    file = folder / f"{table}.csv"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert made_from(folder)[0].info.fingerprint == plain


def test_utf_16_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = write(tmp_path / "log", plain_log())
    (folder / "items.csv").write_bytes(separated(plain_log()["items"]).encode("utf-16"))
    assert "items.csv, line 1: the header is not CSV in UTF-8" in refused_from(folder)


@pytest.mark.parametrize("decimals", [",0", ",00"])
def test_a_decimal_comma_among_semicolons_is_refused_with_the_value(decimals: str, tmp_path: Path) -> None:
    log = plain_log()
    log["queries"]["time"] = [f"{time}{decimals}" for time in log["queries"]["time"]]
    assert f"'{START}{decimals}' is not a timestamp" in refused(tmp_path, log, "semicolons")


def test_line_breaks_within_quotes_are_white_space(tmp_path: Path, plain: str) -> None:
    log = plain_log()
    log["queries"]["text"] = [text.replace(" ", "\n") for text in log["queries"]["text"]]
    log["items"]["text"] = [text.replace(" ", "\r\n ") for text in log["items"]["text"]]
    assert made(tmp_path, log)[0].info.fingerprint == plain


@pytest.mark.parametrize(
    "written",
    [
        "{:%Y-%m-%dT%H:%M:%S}+02:00",
        "{:%Y-%m-%d %H:%M:%S}+02",
        "{:%Y-%m-%dT%H:%M:%S}+0200",
        "{:%Y-%m-%d %H:%M:%S} Europe/Kaliningrad",
        "{:%d/%b/%Y:%H:%M:%S} +0200",
    ],
)
def test_times_with_a_zone(written: str, tmp_path: Path, plain: str) -> None:
    from datetime import UTC, datetime, timedelta

    log = plain_log()
    for table in ("queries", "clicks"):
        there = [datetime.fromtimestamp(time, UTC) + timedelta(hours=2) for time in log[table]["time"]]
        log[table]["time"] = [written.format(time) for time in there]
    assert made(tmp_path, log)[0].info.fingerprint == plain


def test_a_time_in_one_zone_among_others_in_another_is_an_instant(tmp_path: Path, plain: str) -> None:
    log = plain_log()
    from datetime import UTC, datetime, timedelta

    for number, time in enumerate(log["queries"]["time"]):
        hours = number % 5 - 2
        there = datetime.fromtimestamp(time, UTC) + timedelta(hours=hours)
        log["queries"]["time"][number] = f"{there:%Y-%m-%dT%H:%M:%S}{hours:+03d}:00"
    assert made(tmp_path, log)[0].info.fingerprint == plain


@pytest.mark.parametrize("kind", ["int64", "uint64", "text", "decimal"])
def test_ids_beyond_2_to_the_53_are_exact(kind: str, tmp_path: Path) -> None:
    """Two ids that are one double."""
    log, big = plain_log(), 2**62

    def renamed(ids: list[str]) -> Any:
        numbers = [big + int(each[1:]) for each in ids]
        if kind == "text":
            return [str(number) for number in numbers]
        types = {"int64": pa.int64(), "uint64": pa.uint64(), "decimal": pa.decimal128(38, 0)}
        return pa.array(numbers, types[kind])

    for table in ("queries", "impressions", "clicks"):
        log[table]["query_id"] = renamed(log[table]["query_id"])
    folder = tmp_path / "log"
    folder.mkdir()
    for table, columns in log.items():
        pq.write_table(pa.table(columns), folder / f"{table}.parquet")
    corpus, _ = made_from(folder)
    assert rows(corpus, "queries")[0]["query_id"] == str(big + 1)
    assert len({row["query_id"] for row in rows(corpus, "queries")}) == 60


def test_a_log_without_clicks_but_with_a_column_of_them_is_told_of_maps(tmp_path: Path) -> None:
    log = plain_log()
    log["impressions"]["clicked"] = [False] * len(log["impressions"]["rank"])
    del log["clicks"]
    assert "--map" in refused(tmp_path, log)


def test_lines_that_end_in_several_ways_are_one_line_for_a_person(tmp_path: Path) -> None:
    folder = write(tmp_path / "log", plain_log())
    text = (folder / "queries.csv").read_bytes().split(b"\r\n")
    (folder / "queries.csv").write_bytes(b"\r\n".join(text[:30]) + b"\r\n" + b"\n".join(text[30:]))
    assert "lines end in different ways" in refused_from(folder)


def test_nothing_but_a_header_and_a_nul_within_a_text(tmp_path: Path) -> None:
    folder = write(tmp_path / "log", plain_log())
    (folder / "clicks.csv").write_text("query_id,item_id,time\n")
    assert "clicks.csv: the file has no rows" in refused_from(folder)
    log = plain_log()
    log["items"]["text"][0] = "red\0 hat"
    corpus, _ = made(tmp_path, log)
    assert "hat" in words(corpus)
