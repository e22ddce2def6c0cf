"""A log that can be read but hardly be right: ties, sessions of hours, machines, users that are many, strange words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import bench_here
from odd_logs import QUERIES_OF_A_SESSION, made, plain_log, rows, write


def test_a_plain_log_has_nothing_to_warn_about(tmp_path: Path) -> None:
    _, report = made(tmp_path, plain_log())
    assert report.warnings == []
    assert report.lines()[:5] == [
        "kept: 20 sessions, 60 queries (3.0 a session), 20 users, 300 impressions, 60 clicks, 20 items, 0 images",
        "words: 9; 100.0% of query words stand in some title",
        "time: 2023-11-14 22:13 to 2023-11-15 03:26",
        "read: 60 queries, 300 impressions, 60 clicks, 20 items",
        "dropped: nothing",
    ]


@pytest.mark.parametrize("prefix", ["", "q"])
@pytest.mark.parametrize("form", ["csv", "json lines", "parquet"])
def test_queries_of_one_time_are_in_the_order_of_their_numbers(prefix: str, form: str, tmp_path: Path) -> None:
    log = plain_log()
    log["queries"]["time"] = [time // 1800 * 1800 for time in log["queries"]["time"]]
    for table in ("queries", "impressions", "clicks"):
        ids = [query[1:] for query in log[table]["query_id"]]
        log[table]["query_id"] = [f"{prefix}{number}" for number in ids] if prefix else [int(number) for number in ids]
    del log["clicks"]["time"]
    corpus, report = made(tmp_path, log, form)
    numbers = [int(row["query_id"].removeprefix(prefix)) for row in rows(corpus, "queries")]
    sessions = [numbers[i : i + QUERIES_OF_A_SESSION] for i in range(0, len(numbers), QUERIES_OF_A_SESSION)]
    assert all(session == [session[0], session[0] + 1, session[0] + 2] for session in sessions)
    assert report.measures["queries at the time of another of their session"] >= 50
    assert any(
        "the time of another of their session; their order is that of their ids as numbers" in warning
        for warning in report.warnings
    )


def test_a_position_orders_queries_of_one_time(tmp_path: Path) -> None:
    log = plain_log(users=4)
    log["queries"]["time"] = [1_700_000_000] * 12
    log["queries"]["position"] = [2, 1, 0] * 4
    del log["clicks"]["time"]
    corpus, report = made(tmp_path, log)
    assert [row["query_id"] for row in rows(corpus, "queries")][:3] == ["q3", "q2", "q1"]
    assert any("their order is that of position" in warning for warning in report.warnings)


def test_ids_that_are_no_numbers_order_nothing(tmp_path: Path) -> None:
    log = plain_log(users=4)
    log["queries"]["time"] = [1_700_000_000] * 12
    for table in ("queries", "impressions", "clicks"):
        log[table]["query_id"] = [f"{query}x" for query in log[table]["query_id"]]
    del log["clicks"]["time"]
    _, report = made(tmp_path, log)
    assert any("as text, which says little: give a column position" in warning for warning in report.warnings)


def test_clicks_are_activity_unless_queries_alone_are(tmp_path: Path) -> None:
    log = plain_log(gap=2400)
    log["clicks"]["time"] = [time + 1200 for time in log["clicks"]["time"]]
    assert made(tmp_path, log)[1].kept["sessions"] == 20
    assert made(tmp_path, log, activity="queries")[1].kept["sessions"] == 60


def test_a_click_hours_later_belongs_to_the_next_session(tmp_path: Path) -> None:
    """The user comes back, clicks on an old result, and then asks: that is one visit, and another than the old one."""
    log = plain_log(users=1)
    log["queries"]["time"][2] += 20_000
    log["clicks"]["time"] = [None, log["queries"]["time"][2] - 60, None]
    corpus, _ = made(tmp_path, log)
    assert [(row["query_id"], row["session"]) for row in rows(corpus, "queries")] == [("q1", 0), ("q2", 0), ("q3", 1)]
    assert [row["session_id"] for row in rows(corpus, "sessions")] == ["u0#1", "u0#2"]


def test_session_ids_that_are_used_again_are_warned_about_and_can_be_cut(tmp_path: Path) -> None:
    log = plain_log(users=80)
    log["queries"]["session_id"] = [int(user[1:]) % 2 for user in log["queries"].pop("user")]
    log["queries"]["time"] = [time + (i // 3) * 3000 for i, time in enumerate(log["queries"]["time"])]
    del log["clicks"]["time"]
    _, report = made(tmp_path, log)
    assert report.kept["sessions"] == 2
    assert any("2 of 2 sessions last for over 6 hours" in w and "with 120 queries" in w for w in report.warnings)
    assert any("--session-ids cut" in warning for warning in report.warnings)
    assert any("2 of 2 sessions have over 100 queries" in warning for warning in report.warnings)
    _, report = made(tmp_path, log, session_ids="cut")
    assert report.kept["sessions"] == 80
    assert report.warnings == []


def test_machines_are_warned_about_and_dropped_where_asked(tmp_path: Path) -> None:
    log = plain_log(users=120)
    log["queries"]["user"] = ["robot" if i < 150 else user for i, user in enumerate(log["queries"]["user"])]
    log["queries"]["time"][:150] = [1_700_000_000 + 9 * i for i in range(150)]
    del log["clicks"]["time"]
    _, report = made(tmp_path, log)
    assert any("1 of 71 sessions have over 100 queries" in warning for warning in report.warnings)
    assert any("user 'robot' asked 42% of all queries (150 of 360)" in warning for warning in report.warnings)
    _, report = made(tmp_path, log, max_steps=100)
    assert report.kept["sessions"] == 70
    assert report.dropped["sessions of over 100 queries"] == 1
    assert report.dropped["queries of sessions of over 100 queries"] == 150
    assert report.warnings == []


def test_words_of_no_title_are_warned_about(tmp_path: Path) -> None:
    log = plain_log()
    log["queries"]["text"] = [f"x{text.replace(' ', ' x')}" for text in log["queries"]["text"]]
    _, report = made(tmp_path, log)
    assert any("only 0.0% of query words stand in any title, 'xbag' for one not" in w for w in report.warnings)


def test_the_summary_and_its_json_from_the_command_line(tmp_path: Path) -> None:
    log = plain_log()
    log["clicks"]["item_id"][0] = "i19"
    folder = write(tmp_path / "log", log)
    to = ("--to", tmp_path / "c", "--keep-text-only")
    error = bench_here("data", "ingest", folder, *to).error
    assert "(1 of 60 rows)" in error
    assert "--on-conflict drop" in error
    ran = bench_here("data", "ingest", folder, *to, "--on-conflict", "drop", "--json")
    assert ran.code == 0, ran.err
    found = {(row["what"], row["name"]): row["value"] for row in ran.rows}
    assert all(set(row) == {"what", "name", "value"} for row in ran.rows)
    assert found["read", "clicks"] == 60
    assert found["kept", "clicks"] == 59
    assert found["dropped", "clicks on items that were not shown"] == 1
    assert found["measure", "users"] == 20
    assert ("note", "queries.time is read as seconds since 1970") in found
    assert [row["name"] for row in json.loads(ran.out) if row["what"] == "dropped"] == [
        "clicks on items that were not shown"
    ]
    ran = bench_here("data", "ingest", folder, "--to", tmp_path / "d", "--keep-text-only", "--on-conflict", "drop")
    assert ran.out.startswith("kept: 20 sessions, 60 queries (3.0 a session), 20 users")
    assert "dropped: 1 clicks on items that were not shown\n" in ran.out
