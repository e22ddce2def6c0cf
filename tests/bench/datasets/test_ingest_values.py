"""What a value of a log is: null in all its spellings, ids of all types, times in their units, words in Unicode."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from event_logs import Log
from odd_logs import START, made, plain_log, refused, rows, words

FORMS = ["csv", "json lines", "parquet"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Fingerprint of the plain log's corpus."""
    return made(tmp_path_factory.mktemp("plain"), plain_log())[0].info.fingerprint


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("null", ["", "  ", "\\N", "NULL", "null", "NaN", "None", "NA", "<NA>", "\u3000"])
def test_null_is_null_in_every_format_and_column(null: str, form: str, tmp_path: Path) -> None:
    log = plain_log()
    log["queries"]["image"], log["clicks"]["time"] = [None] * 60, [str(time) for time in log["clicks"]["time"]]
    for table, column in (("items", "category"), ("items", "text"), ("clicks", "time"), ("queries", "image")):
        log[table][column][::2] = [None] * len(log[table][column][::2])
    log["queries"]["image"] = pa.array(log["queries"]["image"], pa.string()) if form == "parquet" else [None] * 60
    expected = made(tmp_path, log, form)[0]
    assert expected.strings("items", "category").to_pylist()[::2] == [None] * 10
    said = {
        t: {c: [null if v is None else v for v in list(column)] for c, column in columns.items()}
        for t, columns in log.items()
    }
    if form == "parquet":
        said["queries"]["image"] = [null] * 60
    corpus, report = made(tmp_path, said, form)
    assert corpus.info.fingerprint == expected.info.fingerprint
    assert any(f"items.category says {null!r} in 10 rows" in note for note in report.notes) == bool(null.strip())


def test_which_texts_are_null_is_an_option(tmp_path: Path) -> None:
    log = plain_log()
    log["items"]["category"][:4] = ["NA", "-", "NA", "-"]
    corpus, report = made(tmp_path, log, null=("-",))
    assert corpus.strings("items", "category").to_pylist()[:4] == ["NA", None, "NA", None]
    assert any("items.category says '-' in 2 rows" in note for note in report.notes)


def test_a_null_of_pandas_among_doubles(tmp_path: Path) -> None:
    log = plain_log()
    log["clicks"]["time"] = [float("nan") if i % 2 else float(t) for i, t in enumerate(log["clicks"]["time"])]
    corpus, _ = made(tmp_path, log, "parquet")
    clicked = [row["click_time"] is None for row in rows(corpus, "impressions") if row["clicked"]]
    assert sum(clicked) == 30


def numbered(log: Log, column: str, convert: Callable[[int], Any]) -> Log:
    """The log with ids of ``column`` made from their numbers."""
    for columns in log.values():
        if column in columns:
            columns[column] = [convert(int(value[1:])) for value in columns[column]]
    return log


@pytest.mark.parametrize("column", ["query_id", "item_id"])
@pytest.mark.parametrize(
    ("convert", "form"),
    [
        (float, "parquet"),
        (Decimal, "parquet"),
        (lambda n: str(n).encode(), "parquet"),
        (int, "csv"),
        (lambda n: f"{n}.0", "csv"),
        (float, "json lines"),
        (int, "json lines"),
    ],
    ids=["double", "decimal", "bytes", "integer text", "double text", "JSON double", "JSON integer"],
)
def test_ids_of_all_integer_like_types(column: str, convert: Any, form: str, tmp_path: Path) -> None:
    expected, _ = made(tmp_path, numbered(plain_log(), column, int), "parquet")
    corpus, _ = made(tmp_path, numbered(plain_log(), column, convert), form)
    assert corpus.info.fingerprint == expected.info.fingerprint
    table = "queries" if column == "query_id" else "items"
    ids = corpus.strings(table, column).to_pylist()
    assert "10" in ids
    assert "10.0" not in ids
    if table == "items":
        assert ids == [str(number) for number in range(20)], "in the order of the numbers"


def test_ids_that_are_doubles_in_one_table_and_integers_in_another(tmp_path: Path) -> None:
    """As pandas writes them where a column had a null: 33.0 in clicks, 33 in items."""
    log = numbered(plain_log(), "item_id", int)
    log["clicks"]["item_id"] = [f"{item}.0" for item in log["clicks"]["item_id"]]
    corpus, report = made(tmp_path, log)
    assert report.kept["clicks"] == 60
    assert any("clicks.item_id has integers that are written as doubles" in note for note in report.notes)
    assert corpus.strings("items", "item_id").to_pylist()[10] == "10"


def test_uuids(tmp_path: Path) -> None:
    ids = {f"q{n}": uuid.uuid5(uuid.NAMESPACE_OID, str(n)) for n in range(1, 61)}
    log, text = plain_log(), plain_log()
    for table in ("queries", "impressions", "clicks"):
        values = [ids[query] for query in log[table]["query_id"]]
        log[table]["query_id"] = pa.array([value.bytes for value in values], pa.uuid())
        text[table]["query_id"] = [str(value) for value in values]
    assert made(tmp_path, log, "parquet")[0].info.fingerprint == made(tmp_path, text)[0].info.fingerprint


@pytest.mark.parametrize("odd", [33.5, 2.0**53, 1e300, float("inf")])
def test_a_double_with_a_fraction_or_too_large_to_be_exact_is_refused(odd: float, tmp_path: Path) -> None:
    log = numbered(plain_log(), "item_id", float)
    log["items"]["item_id"][3] = odd
    line = refused(tmp_path, log, "parquet")
    assert f"items.parquet, row 4, column item_id: {odd!r} is not text or an integer below 2^53" in line


def test_text_ids_with_points_are_left_as_they_are(tmp_path: Path) -> None:
    log = numbered(plain_log(), "item_id", lambda n: f"{n}.5" if n % 2 else f"{n}.0")
    assert "2.0" in made(tmp_path, log)[0].strings("items", "item_id").to_pylist()


def as_times(convert: Callable[[int], Any]) -> Log:
    log = plain_log()
    for table in ("queries", "clicks"):
        log[table]["time"] = [convert(seconds) for seconds in log[table]["time"]]
    return log


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("convert", "unit"),
    [
        (lambda s: s, "seconds since 1970"),
        (lambda s: s * 10**3, "milliseconds since 1970"),
        (lambda s: s * 10**6, "microseconds since 1970"),
        (lambda s: s * 10**9, "nanoseconds since 1970"),
        (lambda s: float(s), "seconds since 1970"),
        (lambda s: int(f"{at(s):%Y%m%d%H%M%S}"), "yyyymmddhhmmss"),
        (lambda s: f"{at(s):%Y-%m-%d %H:%M:%S UTC}", None),
        (lambda s: f"{at(s):%Y/%m/%d %H:%M:%S}", None),
        (lambda s: f"{at(s):%Y-%m-%d %H:%M:%S},000", None),
        (lambda s: f"{at(s):%d/%b/%Y:%H:%M:%S} +0000", None),
        (lambda s: f"{at(s + 3600):%Y-%m-%dT%H:%M:%S+01:00}", None),
    ],
    ids=["s", "ms", "us", "ns", "double", "digits", "UTC", "slashes", "comma", "web server", "zone"],
)
def test_a_time_is_the_same_in_every_unit_and_the_unit_is_said(
    convert: Any, unit: str | None, form: str, tmp_path: Path, plain: str
) -> None:
    corpus, report = made(tmp_path, as_times(convert), form)
    assert corpus.info.fingerprint == plain
    said = [note for note in report.notes if note.startswith("queries.time")]
    assert said == ([f"queries.time is read as {unit}"] if unit else [])


@pytest.mark.parametrize("kind", ["s", "ms", "us", "ns"])
def test_timestamps_of_parquet_in_every_unit(kind: str, tmp_path: Path, plain: str) -> None:
    log = plain_log()
    for table in ("queries", "clicks"):
        log[table]["time"] = pa.array([at(s) for s in log[table]["time"]], pa.timestamp(kind))
    assert made(tmp_path, log, "parquet")[0].info.fingerprint == plain


@pytest.mark.parametrize("form", FORMS)
def test_fractions_of_seconds_are_kept_to_the_millisecond(form: str, tmp_path: Path) -> None:
    expected, _ = made(tmp_path, as_times(lambda s: s * 1000 + 250), form)
    for convert in (lambda s: s + 0.25, lambda s: f"{s}.250", lambda s: f"{at(s):%Y-%m-%dT%H:%M:%S}.25Z"):
        assert made(tmp_path, as_times(convert), form)[0].info.fingerprint == expected.info.fingerprint


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("convert", "what"),
    [
        (lambda s: int(f"{at(s):%Y%m%d}"), "20231114 is a day, not a time of day"),
        (lambda s: s // 60, "no unit puts such a number between 1990 and"),
        (lambda s: s - START, "no unit puts such a number between 1990 and"),
        (lambda s: s // 86400, "no unit puts such a number between 1990 and"),
        (lambda s: f"{at(s - START):%Y-%m-%d %H:%M:%S}", "is not a timestamp, ISO text or"),
    ],
    ids=["yyyymmdd", "minutes", "since the start", "days", "ISO of 1970"],
)
def test_times_that_no_unit_makes_plausible_are_refused(convert: Any, what: str, form: str, tmp_path: Path) -> None:
    log = plain_log()
    log["queries"]["time"] = [convert(seconds) for seconds in log["queries"]["time"]]
    del log["clicks"]["time"]
    line = refused(tmp_path, log, form)
    assert "column time: " in line
    assert what in line


def test_a_unit_that_is_named_is_taken(tmp_path: Path) -> None:
    log = as_times(lambda s: s - START)
    corpus, _ = made(tmp_path, log, time_unit="s")
    assert rows(corpus, "queries")[0]["time"] == datetime(1970, 1, 1)
    log = plain_log()
    log["queries"]["time"], log["queries"]["session_id"] = [20231114] * 60, [f"s{i // 3}" for i in range(60)]
    del log["clicks"]["time"]
    corpus, report = made(tmp_path, log, time_unit="yyyymmdd")
    assert rows(corpus, "queries")[0]["time"] == datetime(2023, 11, 14)
    assert any("asked at midnight" in warning for warning in report.warnings)


def test_times_of_two_units_in_a_column_are_counted(tmp_path: Path) -> None:
    log = plain_log()
    log["queries"]["time"][4:7] = [time * 1000 for time in log["queries"]["time"][4:7]]
    log["queries"]["time"][9] = 0
    line = refused(tmp_path, log)
    assert "queries.csv, row 5, column time:" in line
    assert "(4 of 60 rows)" in line
    _, report = made(tmp_path, log, on_conflict="drop")
    assert report.dropped == {
        "rows of queries without a readable time": 4,
        "impressions of dropped queries": 20,
        "clicks of dropped queries": 4,
    }


@pytest.mark.parametrize("space", [0x3000, 0xA0, 0x2009, 0x202F, 0x85, 0x2028, 0x200B, 0x0B, 0x1680], ids=hex)
@pytest.mark.parametrize("form", FORMS)
def test_words_are_split_at_any_white_space(space: int, form: str, tmp_path: Path, plain: str) -> None:
    log = plain_log()
    log["queries"]["text"] = [text.replace(" ", chr(space)) for text in log["queries"]["text"]]
    log["items"]["text"] = [chr(space) + text for text in log["items"]["text"]]
    assert made(tmp_path, log, form)[0].info.fingerprint == plain


@pytest.mark.parametrize("form", FORMS)
def test_two_normal_forms_of_a_word_an_id_or_a_category_are_one(form: str, tmp_path: Path) -> None:
    def accented(log: Log, hat: str) -> Log:
        log["queries"]["text"] = [text.replace("hat", hat) for text in log["queries"]["text"]]
        log["queries"]["user"] = [user.replace("u1", hat) for user in log["queries"]["user"]]
        return log

    mixed, plain = accented(plain_log(), "be\u0301ret"), accented(plain_log(), "b\u00e9ret")
    for log in (mixed, plain):
        log["items"]["text"] = [text.replace("hat", "b\u00e9ret") for text in log["items"]["text"]]
        log["items"]["category"] = ["b\u00e9ret"] * 20
    mixed["items"]["category"][::2] = ["be\u0301ret"] * 10
    mixed["queries"]["user"][1] = plain["queries"]["user"][1]
    corpus, report = made(tmp_path, mixed, form)
    assert corpus.info.fingerprint == made(tmp_path, plain, form)[0].info.fingerprint
    assert "b\u00e9ret" in words(corpus)
    assert report.measures["share of query words found in titles"] == 1.0


def test_folding_makes_titles_and_queries_meet(tmp_path: Path, plain: str) -> None:
    log = plain_log()
    log["items"]["text"] = [f"{text.title().replace(' ', ', ')}, Size 3." for text in log["items"]["text"]]
    corpus, report = made(tmp_path, log)
    assert report.measures["share of query words found in titles"] == 0.0
    assert any("--fold (case and punctuation) makes it 100.0%" in warning for warning in report.warnings)
    corpus, report = made(tmp_path, log, fold=True)
    assert words(corpus) == sorted(["red", "blue", "gold", "white", "hat", "coat", "belt", "sock", "bag", "size", "3"])
    assert report.warnings == []


@pytest.mark.parametrize(
    "write_list", [lambda text: str(text.split()), lambda text: str(text.split()).replace("'", '"')]
)
def test_words_as_python_or_json_lists(write_list: Any, tmp_path: Path, plain: str) -> None:
    log = plain_log()
    log["items"]["words"] = [write_list(text) for text in log["items"].pop("text")]
    assert made(tmp_path, log)[0].info.fingerprint == plain


@pytest.mark.parametrize("form", FORMS)
def test_ranks_may_count_from_zero_or_be_doubles(form: str, tmp_path: Path, plain: str) -> None:
    log = plain_log()
    log["impressions"]["rank"] = [float(rank - 1) for rank in log["impressions"]["rank"]]
    corpus, report = made(tmp_path, log, form)
    assert corpus.info.fingerprint == plain
    assert "ranks count from 0; 1 was added to each" in report.notes
