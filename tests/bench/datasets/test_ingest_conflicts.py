"""Rows that repeat or contradict others, or cannot be read: counted, all at once, and left out only where asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from event_logs import Log
from odd_logs import made, made_from, plain_log, refused, refused_from, rows, write

FORMS = ["csv", "json lines", "parquet"]


def repeat(log: Log, table: str, row: int, **other: object) -> None:
    """Appends a row of a table once more, with other values where they are given."""
    for name, values in log[table].items():
        values.append(other.get(name, values[row]))


@pytest.mark.parametrize("form", FORMS)
def test_identical_rows_are_one_row_and_counted(form: str, tmp_path: Path) -> None:
    log = plain_log()
    for table, count in (("queries", 2), ("impressions", 12), ("clicks", 5), ("items", 3)):
        for row in range(count):
            repeat(log, table, row)
    repeat(log, "items", 0)
    corpus, report = made(tmp_path, log, form)
    assert report.identical == {"queries": 2, "impressions": 12, "clicks": 5, "items": 4}
    assert corpus.info.fingerprint == made(tmp_path, plain_log())[0].info.fingerprint
    assert report.dropped == {}
    assert "identical to another row, and read once: 2 of queries, 4 of items, 12 of impressions, 5 of clicks" in (
        report.lines()
    )


def second_query(log: Log) -> None:
    repeat(log, "queries", 3, text="another")


def second_title(log: Log) -> None:
    repeat(log, "items", 4, text="another")


def second_rank(log: Log) -> None:
    repeat(log, "impressions", 0, rank=9)


def equal_ranks(log: Log) -> None:
    log["impressions"]["rank"][6] = 1


def unshown_click(log: Log) -> None:
    repeat(log, "clicks", 0, item_id="i19")


def early_click(log: Log) -> None:
    log["clicks"]["time"][7] -= 25


def unknown_item(log: Log) -> None:
    repeat(log, "impressions", 0, item_id="i99", rank=6)


def unknown_query(log: Log) -> None:
    repeat(log, "impressions", 0, query_id="q99")


# the change, what the line says, what is dropped for itself, and how many queries, impressions, clicks, items are left
CONFLICTS: list[tuple[Callable[[Log], None], str, dict[str, int], tuple[int, int, int, int]]] = [
    (
        second_query,
        "column query_id: 'q4' stands twice, with different contents (2 of 61 rows)",
        {"rows of queries that contradict another of their query_id": 2},
        (59, 295, 59, 20),
    ),
    (
        second_title,
        "column item_id: 'i4' stands twice, with different contents (2 of 21 rows)",
        {"rows of items that contradict another of their item_id": 1},
        (60, 300, 60, 20),
    ),
    (
        second_rank,
        "column item_id: 'i0' for query 'q1' is shown twice, at different ranks (1 of 301 rows)",
        {"impressions of an item at a second rank": 1},
        (60, 300, 60, 20),
    ),
    (
        equal_ranks,
        "column rank: 1 for query 'q2' stands twice (2 of 300 rows)",
        {"impressions of a rank that another item has": 2},
        (60, 298, 59, 20),
    ),
    (
        unshown_click,
        "column item_id: 'i19' for query 'q1' was clicked, but is not in impressions.csv (1 of 61 rows)",
        {"clicks on items that were not shown": 1},
        (60, 300, 60, 20),
    ),
    (
        early_click,
        "was clicked before the query was asked (1 of 60 rows)",
        {"clicks before their query": 1},
        (60, 300, 59, 20),
    ),
    (
        unknown_item,
        "column item_id: 'i99' is not in items.csv (1 of 301 rows)",
        {"impressions without a row in items": 1},
        (60, 300, 60, 20),
    ),
    (
        unknown_query,
        "column query_id: 'q99' is not in queries.csv (1 of 301 rows)",
        {"impressions without a row in queries": 1},
        (60, 300, 60, 20),
    ),
]


@pytest.mark.parametrize(
    ("change", "line", "dropped", "left"), CONFLICTS, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_contradiction_stops_with_its_count_and_the_option_that_drops_it(
    change: Callable[[Log], None], line: str, dropped: dict[str, int], left: tuple[int, ...], tmp_path: Path
) -> None:
    log = plain_log()
    change(log)
    said = refused(tmp_path, log)
    assert line in said
    assert "--on-conflict drop leaves such rows out" in said
    _, report = made(tmp_path, log, on_conflict="drop")
    assert tuple(report.kept[name] for name in ("queries", "impressions", "clicks", "items")) == left
    assert dropped.items() <= report.dropped.items()
    for name in ("queries", "impressions", "clicks"):
        reasons = [reason for reason in report.dropped if reason.startswith((name, f"rows of {name}"))]
        lost = sum(report.dropped[reason] for reason in reasons)
        assert report.read[name] == report.kept[name] + lost, "what was read is kept, or dropped for a reason"


def test_all_faults_are_named_at_once_each_with_its_count(tmp_path: Path) -> None:
    log = plain_log()
    for change in (early_click, unshown_click, equal_ranks, unknown_item):
        change(log)
    log["queries"]["time"][11] = "yesterday"
    log["items"]["item_id"][19] = None
    said = refused(tmp_path, log)
    for part in (
        "queries.csv, row 12, column time: 'yesterday' is not a timestamp",
        "items.csv, row 20, column item_id: there is no value",
        " is not in items.csv (",
        "1 for query 'q2' stands twice",
        "'i19' for query 'q1' was clicked, but is not in",
        "was clicked before the query was asked (1 of 61 rows)",
    ):
        assert part in said
    corpus, report = made(tmp_path, log, on_conflict="drop")
    assert len(rows(corpus, "queries")) == 59
    assert len(report.dropped) >= 6


def test_missing_columns_of_all_files_are_named_at_once(tmp_path: Path) -> None:
    log = plain_log()
    del log["queries"]["time"], log["impressions"]["rank"], log["items"]["text"]
    said = refused(tmp_path, log)
    assert "3 kinds of fault" in said
    for part in (
        "queries.csv, column time",
        "impressions.csv, column rank",
        "items.csv, column words or text or title",
    ):
        assert f"{part}: the column is missing" in said


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("missing", [None, "", "\\N"], ids=repr)
def test_queries_without_a_user_stop_or_are_dropped(form: str, missing: str | None, tmp_path: Path) -> None:
    log = plain_log()
    log["queries"]["user"] = [user if int(user[1:]) % 2 else missing for user in log["queries"]["user"]]
    said = refused(tmp_path, log, form)
    assert "column user: query 'q1' has none" in said
    assert "(30 of 60 rows)" in said
    assert "--anonymous drop" in said
    _, report = made(tmp_path, log, form, anonymous="drop")
    assert report.kept["sessions"] == 10
    assert report.dropped == {
        "queries without a user or session": 30,
        "impressions of dropped queries": 150,
        "clicks of dropped queries": 30,
    }


@pytest.mark.parametrize("form", FORMS)
def test_a_session_id_of_several_users_stops_or_is_told_apart(form: str, tmp_path: Path) -> None:
    log = plain_log()
    log["queries"]["session_id"] = [int(user[1:]) % 4 for user in log["queries"]["user"]]
    said = refused(tmp_path, log, form)
    assert "session '0' has two users (60 of 60 rows), as have 4 sessions in all" in said
    assert "--session-ids per-user" in said
    corpus, report = made(tmp_path, log, form, session_ids="per-user")
    assert report.kept["sessions"] == 20
    assert corpus.strings("sessions", "session_id").to_pylist()[:2] == ["u0#0", "u1#1"]


def test_broken_lines_are_counted_with_the_first_of_them(tmp_path: Path) -> None:
    folder = write(tmp_path / "log", plain_log())
    lines = (folder / "clicks.csv").read_bytes().splitlines(keepends=True)
    lines[5:5] = [b"q1\r\n", b"q1,i1,2,3,4\r\n", b"q1,caf\xe9,1700000020\r\n"]
    (folder / "clicks.csv").write_bytes(b"".join(lines))
    said = refused_from(folder)
    assert "clicks.csv, line 6: Expected Number of Columns: 3 Found: 1 (3 such lines)" in said
    _, report = made_from(folder, on_conflict="drop")
    assert report.dropped == {"lines of clicks.csv that are not CSV": 3}
    assert report.read["clicks"] == 63
    assert report.kept["clicks"] == 60


def test_a_quote_that_is_not_closed_is_not_dropped(tmp_path: Path) -> None:
    """What follows it is lost with it, however much that is."""
    folder = write(tmp_path / "log", plain_log())
    lines = (folder / "items.csv").read_bytes().splitlines(keepends=True)
    lines[5] = b'i4,"red coat,coat\r\n'
    (folder / "items.csv").write_bytes(b"".join(lines))
    assert "a quote is not closed" in refused_from(folder, on_conflict="drop")


def test_broken_lines_of_json_are_counted(tmp_path: Path) -> None:
    folder = write(tmp_path / "log", plain_log(), "json lines")
    lines = (folder / "clicks.jsonl").read_text().splitlines()
    lines[5:5] = ['{"query_id": "q1", "item', "[1, 2]", "3"]
    (folder / "clicks.jsonl").write_text("\n".join(lines))
    said = refused_from(folder)
    assert "clicks.jsonl, row 6: the line is not a JSON object (3 of 63 rows)" in said
    _, report = made_from(folder, on_conflict="drop")
    assert report.dropped == {"lines of clicks.jsonl that are not JSON": 3}
    assert report.kept["clicks"] == 60


def two_pages(log: Log) -> Log:
    """Ranks of q1 that start again at the fourth item."""
    log["impressions"]["rank"][3:5] = [1, 2]
    return log


def test_ranks_that_start_again_are_refused_with_their_number(tmp_path: Path) -> None:
    said = refused(tmp_path, two_pages(plain_log()))
    assert "column rank: 1 for query 'q1' stands twice (4 of 300 rows)" in said
    assert "where ranks start again on each page, add a column page" in said


@pytest.mark.parametrize("column", ["page", "time"])
@pytest.mark.parametrize("form", FORMS)
def test_pages_are_chained_in_their_order(column: str, form: str, tmp_path: Path) -> None:
    log = two_pages(plain_log())
    first = 1_700_000_001 if column == "time" else 1
    log["impressions"][column] = [first + (number in (3, 4)) for number in range(300)]
    corpus, report = made(tmp_path, log, form)
    assert corpus.info.fingerprint == made(tmp_path, plain_log())[0].info.fingerprint
    assert "ranks start again on each page of a query: 5 impressions are numbered on" in report.notes


def test_a_rank_twice_on_one_page_is_a_fault(tmp_path: Path) -> None:
    log = two_pages(plain_log())
    log["impressions"]["page"] = [1] * 300
    assert "column rank: 1 for query 'q1' stands twice (4 of 300 rows)" in refused(tmp_path, log)
