"""A log is the same log in every format, spelling of its columns, and number of files that it is kept in."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from event_logs import Log
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odd_logs import FORMATS, made, made_from, plain_log, refused, refused_from, separated, write


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Fingerprint of the plain log's corpus."""
    return made(tmp_path_factory.mktemp("plain"), plain_log())[0].info.fingerprint


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_one_corpus(form: str, tmp_path: Path, plain: str) -> None:
    corpus, report = made(tmp_path, plain_log(), form)
    assert corpus.info.fingerprint == plain
    assert report.read == {"queries": 60, "impressions": 300, "clicks": 60, "items": 20}
    assert report.dropped == {}
    assert report.warnings == []


_TEXT = st.text(st.characters(exclude_categories=["C"]), max_size=8)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_TEXT, min_size=5, max_size=5), st.lists(_TEXT | st.none(), min_size=5, max_size=5), st.integers())
def test_any_text_in_any_format_and_order_gives_one_corpus(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], categories: list[str | None], seed: int
) -> None:
    """Texts with separators, quotes, white space of all kinds and nulls; rows shuffled in all formats but one."""
    log = plain_log(users=5)
    log["queries"]["text"][::3] = texts
    log["items"]["category"][:5] = categories
    log["items"]["text"][5:10] = texts
    tmp_path, fingerprints = tmp_path_factory.mktemp("any"), set()
    for number, form in enumerate(("parquet", "csv", "tsv", "json lines", "spark")):
        given_rows = log if number == 0 else {name: shuffled(table, seed + number) for name, table in log.items()}
        fingerprints.add(made(tmp_path, given_rows, form)[0].info.fingerprint)
    assert len(fingerprints) == 1


def shuffled(table: dict[str, list[Any]], seed: int) -> dict[str, list[Any]]:
    order = list(range(len(next(iter(table.values())))))
    random.Random(seed).shuffle(order)
    return {name: [values[i] for i in order] for name, values in table.items()}


@pytest.mark.parametrize(
    "spell",
    [
        str.upper,
        lambda name: f" {name} ",
        lambda name: f"\u00a0{name}",
        lambda name: name.replace("_", " "),
        lambda name: name.replace("_i", "I"),
        lambda name: name.replace("_", "-").title(),
    ],
    ids=["upper case", "blanks", "a hard blank", "a blank between", "camelCase", "Kebab-Case"],
)
@pytest.mark.parametrize("form", ["csv", "parquet", "json lines"])
def test_spellings_of_columns_say_nothing(spell: Any, form: str, tmp_path: Path, plain: str) -> None:
    log = {table: {spell(name): values for name, values in columns.items()} for table, columns in plain_log().items()}
    corpus, report = made(tmp_path, log, form)
    assert corpus.info.fingerprint == plain
    assert any("is read as query_id" in note or "is read as user" in note for note in report.notes)


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "__index_level_0__"])
@pytest.mark.parametrize("form", ["csv", "tsv", "parquet"])
def test_an_index_that_was_written_is_ignored(name: str, form: str, tmp_path: Path, plain: str) -> None:
    log = {
        table: {name: list(range(len(next(iter(columns.values()))))), **columns}
        for table, columns in plain_log().items()
    }
    corpus, report = made(tmp_path, log, form)
    assert corpus.info.fingerprint == plain
    assert report.ignored_columns == {}


def test_a_byte_order_mark_and_two_spellings_of_one_name(tmp_path: Path, plain: str) -> None:
    folder = write(tmp_path / "log", plain_log())
    text = (folder / "queries.csv").read_bytes()
    (folder / "queries.csv").write_bytes(b"\xef\xbb\xbf" + text)
    assert made_from(folder)[0].info.fingerprint == plain
    log = plain_log()
    log["queries"]["Query ID"] = log["queries"]["query_id"]
    assert "column query_id: the column is there twice" in refused(tmp_path, log)


@pytest.mark.parametrize("form", ["csv", "parquet", "json lines"])
def test_columns_of_any_name_may_stand_beside(form: str, tmp_path: Path, plain: str) -> None:
    log = plain_log()
    log["queries"] |= {name: ["x"] * 60 for name in ("it's", 'a "b"', "c/d~e", "part", "row", "c0")}
    corpus, report = made(tmp_path, log, form)
    assert corpus.info.fingerprint == plain
    assert report.ignored_columns == {"queries": sorted(("it's", 'a "b"', "c/d~e", "part", "row", "c0"))}


def test_a_header_without_the_columns_says_what_was_read(tmp_path: Path) -> None:
    log = plain_log()
    log["queries"] = {f"column {n}": values for n, values in enumerate(log["queries"].values())}
    line = refused(tmp_path, log, "tsv")
    assert "queries.tsv, column query_id: the column is missing (the file has 'column 0', 'column 1'" in line
    assert "with a tab as the separator" in line


def test_partitions_of_hive_are_columns(tmp_path: Path, plain: str) -> None:
    """Days, which no log has as a column, and users, some of them percent-encoded or null."""
    log = plain_log()
    log["queries"]["user"] = ["an/n" if user == "u0" else user for user in log["queries"]["user"]]
    expected = made(tmp_path, log)[0].info.fingerprint
    folder = write(tmp_path / "log", log)
    (folder / "queries.csv").unlink()
    table = pa.table(log["queries"])
    for user in sorted(set(log["queries"]["user"])):
        part = folder / "queries" / "dt=2023-11-14" / f"User={user.replace('/', '%2F')}"
        part.mkdir(parents=True)
        mask = pa.compute.equal(table["user"], user)
        pq.write_table(table.filter(mask).drop_columns(["user"]), part / "000000_0")
    corpus, report = made_from(folder)
    assert corpus.info.fingerprint == expected
    assert report.ignored_columns == {"queries": ["dt"]}


def test_a_null_partition_is_null(tmp_path: Path) -> None:
    log = plain_log()
    folder = write(tmp_path / "log", log)
    (folder / "items.csv").unlink()
    part = folder / "items.parquet" / "category=__HIVE_DEFAULT_PARTITION__"
    part.mkdir(parents=True)
    pq.write_table(pa.table(log["items"]).drop_columns(["category"]), part / "part-0.parquet")
    corpus, _ = made_from(folder)
    assert set(corpus.strings("items", "category").to_pylist()) == {None}


def test_folders_above_a_table_are_no_partitions(tmp_path: Path, plain: str) -> None:
    assert made_from(write(tmp_path / "user=ann" / "log", plain_log(), "spark"))[0].info.fingerprint == plain


def test_parts_of_csv_may_order_their_columns_in_several_ways(tmp_path: Path, plain: str) -> None:
    log = plain_log()
    folder = write(tmp_path / "log", log)
    (folder / "clicks.csv").unlink()
    parts = folder / "clicks"
    parts.mkdir()
    first = {name: values[:10] for name, values in log["clicks"].items()}
    rest = {name: log["clicks"][name][10:] for name in ("time", "item_id", "query_id")}
    (parts / "part-0.csv").write_text(separated(first))
    (parts / "part-1.csv").write_text(separated(rest, ";"))
    (parts / "part-2.csv").touch()
    assert made_from(folder)[0].info.fingerprint == plain


def of_lists(log: Log, write_list: Any) -> Log:
    """The log with a row of impressions for each query."""
    shown: dict[str, list[str]] = {}
    for query, item in zip(log["impressions"]["query_id"], log["impressions"]["item_id"], strict=True):
        shown.setdefault(query, []).append(item)
    return log | {"impressions": {"query_id": list(shown), "items": [write_list(items) for items in shown.values()]}}


@pytest.mark.parametrize("form", ["csv", "tsv", "parquet", "json lines"])
@pytest.mark.parametrize(
    "write_list", [list, "|".join, ",".join, ";".join, " ".join, str], ids=["list", "|", ",", ";", "blank", "Python"]
)
def test_a_list_in_a_row_is_a_row_for_each_item(form: str, write_list: Any, tmp_path: Path, plain: str) -> None:
    corpus, report = made(tmp_path, of_lists(plain_log(), write_list), form)
    assert corpus.info.fingerprint == plain
    assert report.read["impressions"] == 300
    assert any("a list of items in a row" in note for note in report.notes)


@pytest.mark.parametrize(
    ("form", "name", "contents", "said"),
    [
        ("gzip", "items.csv.gz", b"item_id,text\n", "items.csv.gz: cannot be unpacked: Not a gzipped file"),
        ("gzip", "items.csv.gz", b"\x1f\x8b\x08\x00", "items.csv.gz: cannot be unpacked: Compressed file ended"),
        ("json list", "items.json", b'[{"item_id": 1,', "items.json: Invalid Input Error: Malformed JSON"),
        ("json lines", "items.jsonl", b"hello\n", "column item_id: the column is missing (the file has none"),
        ("csv", "items.csv", "item_id,text\n".encode("utf-16"), "items.csv, line 1: the header is not CSV in UTF-8"),
    ],
)
def test_a_broken_file_is_one_line(form: str, name: str, contents: bytes, said: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "log", plain_log(), form)
    (folder / name).write_bytes(contents)
    assert said in refused_from(folder)


def test_files_of_several_formats_in_a_folder_and_all_that_are_missing(tmp_path: Path) -> None:
    folder = write(tmp_path / "log", plain_log())
    (folder / "clicks.csv").unlink()
    (folder / "items.csv").rename(folder / "items.xlsx")
    line = refused_from(folder)
    assert "2 kinds of fault" in line
    assert "clicks.parquet or clicks.csv: not in" in line
    assert "items.xlsx: neither Parquet (.parquet), text" in line
