"""Small logs with one oddity each, in the folder that LOG_CASES names: each is read, or refused, as it should be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from odd_logs import made_from, refused_from, rows, words

CASES = os.environ.get("LOG_CASES")

pytestmark = pytest.mark.skipif(CASES is None, reason="LOG_CASES names no folder with logs")

AS_PLAIN = (
    "float_ids",
    "gz",
    "ideographic_space",
    "list_per_query",
    "pandas_index",
    "retried_impressions",
    "spaced_header",
    "spark_folder",
    "tab",
    "uuid_ids",
    "epoch_float_csv",
)
PLAIN = {
    "vocabulary": 24,
    "items": 160,
    "sessions": 80,
    "queries": 240,
    "impressions": 2880,
    "images": 0,
    "clicks": 240,
}


def case(tmp_path: Path, name: str) -> Path:
    """The folder of a case, where a corpus can be written beside it."""
    link = tmp_path / name
    link.symlink_to(Path(str(CASES)) / name)
    return link


@pytest.mark.parametrize("name", ["plain", *AS_PLAIN])
def test_a_log_with_the_contents_of_the_plain_one(name: str, tmp_path: Path) -> None:
    corpus, report = made_from(case(tmp_path, name))
    assert report.kept == PLAIN
    assert report.measures["share of query words found in titles"] == 1.0
    if name not in ("plain", "float_ids", "uuid_ids", "epoch_float_csv"):
        (tmp_path / "control").mkdir()
        assert corpus.info.fingerprint == made_from(case(tmp_path / "control", "plain"))[0].info.fingerprint
    if name == "retried_impressions":
        assert report.identical == {"impressions": 12, "clicks": 5}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("anonymous_empty", ("(120 of 240 rows)", "--anonymous drop")),
        ("anonymous_missing", ("(120 of 240 rows)", "--anonymous drop")),
        ("backslash_n", ("'\\\\N'", "--anonymous drop")),
        ("click_no_impression", ("(1 of 241 rows)", "--on-conflict drop")),
        ("page2_rank_restarts", ("(12 of 2,880 rows)", "page")),
        ("yyyymmdd", ("20231114 is a day",)),
    ],
)
def test_a_log_that_is_refused_with_the_number_and_the_way_out(
    name: str, said: tuple[str, ...], tmp_path: Path
) -> None:
    line = refused_from(case(tmp_path, name))
    for part in said:
        assert part in line


@pytest.mark.parametrize(
    ("name", "options", "kept"),
    [
        ("anonymous_empty", {"anonymous": "drop"}, {"queries": 120, "sessions": 40}),
        ("anonymous_missing", {"anonymous": "drop"}, {"queries": 120, "sessions": 40}),
        ("backslash_n", {"anonymous": "drop"}, {"queries": 120, "sessions": 40}),
        ("click_no_impression", {"on_conflict": "drop"}, PLAIN),
        ("busy_between", {}, {"sessions": 40, "queries": 120}),
        ("no_category", {}, {"sessions": 240, "queries": 720}),
        ("one_category", {}, {"sessions": 240, "queries": 720}),
        ("rare_categories", {}, {"sessions": 240, "queries": 720}),
        ("nfd_queries", {}, PLAIN),
        ("title_case", {"fold": True}, PLAIN | {"vocabulary": 24}),
    ],
)
def test_what_is_kept(name: str, options: dict[str, Any], kept: dict[str, int], tmp_path: Path) -> None:
    _, report = made_from(case(tmp_path, name), **options)
    assert {table: report.kept[table] for table in kept} == kept


def test_empty_categories_are_null_in_both_formats(tmp_path: Path) -> None:
    text, _ = made_from(case(tmp_path, "empty_categories_csv"))
    binary, _ = made_from(case(tmp_path, "empty_categories_pq"))
    assert text.info.fingerprint == binary.info.fingerprint
    assert "" not in set(text.strings("items", "category").to_pylist())


def test_one_normal_form_of_words(tmp_path: Path) -> None:
    corpus, report = made_from(case(tmp_path, "nfd_queries"))
    assert "b\u00e9ret" in words(corpus)
    assert report.measures["share of query words found in titles"] == 1.0


def test_ties_are_in_the_order_of_the_numbers_and_counted(tmp_path: Path) -> None:
    corpus, report = made_from(case(tmp_path, "ties_rounded_time"))
    sessions: dict[int, list[int]] = {}
    for row in rows(corpus, "queries"):
        sessions.setdefault(row["session"], []).append(int(row["query_id"]))
    assert all(ids == sorted(ids) for ids in sessions.values())
    assert any("have the time of another of their session" in warning for warning in report.warnings)


@pytest.mark.parametrize(
    ("name", "said"),
    [("session_per_user_nouser", "2 of 2 sessions last for over 6 hours"), ("title_case", "--fold")],
)
def test_a_log_that_is_warned_about(name: str, said: str, tmp_path: Path) -> None:
    _, report = made_from(case(tmp_path, name))
    assert any(said in warning for warning in report.warnings)
