"""A log that cannot be a corpus is refused in one line with file and column, and nothing is left on disk."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from event_logs import START, Log, small_log, write_log

from bench.datasets.ingest import IngestOptions, ingest
from bench.errors import BenchError

Change = Callable[[Log], object]


def put(table: str, column: str, row: int, value: Any) -> Change:
    def change(log: Log) -> None:
        log[table][column][row] = value

    return change


def drop(table: str, column: str) -> Change:
    return lambda log: log[table].pop(column)


def rename(table: str, column: str, name: str) -> Change:
    return lambda log: log[table].update({name: log[table].pop(column)})


def whole(table: str, column: str, values: Any) -> Change:
    return lambda log: log[table].update({column: values})


def add(table: str, **row: Any) -> Change:
    def change(log: Log) -> None:
        for column, value in row.items():
            log[table][column].append(value)

    return change


def words(vectors: list[list[float]], names: tuple[str, ...] = ("red", "hat")) -> Change:
    return lambda log: log.update(word_vectors={"word": list(names), "vector": vectors})


def sessions(*ids: str | None) -> Change:
    return lambda log: log["queries"].update(session_id=list(ids))


# name: (how the log is changed, table, column, what the line says)
WRONG: dict[str, tuple[Change, str, str, str]] = {
    "missing query_id": (drop("queries", "query_id"), "queries", "query_id", "the column is missing"),
    "misspelt time": (rename("queries", "time", "tme"), "queries", "time", "did you mean tme"),
    "missing kind": (drop("queries", "kind"), "queries", "kind", "the column is missing"),
    "neither text nor words": (drop("queries", "text"), "queries", "words or text", "the column is missing"),
    "neither user nor session": (drop("queries", "user"), "queries", "user", "the column is missing"),
    "missing rank": (drop("impressions", "rank"), "impressions", "rank", "the column is missing"),
    "missing clicked item": (drop("clicks", "item_id"), "clicks", "item_id", "the column is missing"),
    "missing vector": (drop("images", "vector"), "images", "vector", "the column is missing"),
    "time that is none": (
        whole("queries", "time", ["1600000000", "yesterday", *["1600000000"] * 5]),
        "queries",
        "time",
        "row 2, column time: 'yesterday' is not a timestamp",
    ),
    "time that is a day": (whole("queries", "time", [20231114] * 7), "queries", "time", "20231114 is a day"),
    "time in minutes": (whole("queries", "time", [START // 60] * 7), "queries", "time", "no unit puts such a number"),
    "one time in milliseconds": (
        put("queries", "time", 3, START * 1000),
        "queries",
        "time",
        "is not a timestamp, ISO text or seconds since 1970 between 1990 and",
    ),
    "click time that is none": (whole("clicks", "time", ["x"] * 5), "clicks", "time", "'x' is not a timestamp"),
    "no time": (put("queries", "time", 3, None), "queries", "time", "row 4, column time: there is no value"),
    "rank in words": (
        whole("impressions", "rank", ["1", "2", "first", *["1"] * 7]),
        "impressions",
        "rank",
        "row 3, column rank: 'first' is not an integer",
    ),
    "rank with a fraction": (
        whole("impressions", "rank", ["1", "2.5", *["1"] * 8]),
        "impressions",
        "rank",
        "'2.5' is not an integer",
    ),
    "rank 0": (put("impressions", "rank", 0, 0), "impressions", "rank", "is not an integer from 1"),
    "no item id": (put("items", "item_id", 2, None), "items", "item_id", "row 3, column item_id: there is no value"),
    "query id twice": (put("queries", "query_id", 4, "q1"), "queries", "query_id", "'q1' stands twice"),
    "item id twice": (put("items", "item_id", 3, "i1"), "items", "item_id", "'i1' stands twice"),
    "image id twice": (put("images", "image_id", 3, "p1"), "images", "image_id", "'p1' stands twice"),
    "word twice": (words([[1.0], [2.0]], ("red", "red")), "word_vectors", "word", "'red' stands twice"),
    "ragged image": (put("images", "vector", 2, [1.0, 2.0]), "images", "vector", "'p3' of 2 numbers"),
    "ragged word": (words([[1.0], [2.0, 3.0]]), "word_vectors", "vector", "'red' of 1 numbers"),
    "NaN in an image": (put("images", "vector", 1, [0.0, float("nan"), 1.0]), "images", "vector", "'p2' has a value"),
    "infinity in a word": (words([[1.0], [float("-inf")]]), "word_vectors", "vector", "'hat' has a value"),
    "empty vector": (put("images", "vector", 1, []), "images", "vector", "row 2, column vector"),
    "unlisted item": (put("impressions", "item_id", 5, "i9"), "impressions", "item_id", "'i9' is not in items."),
    "unlisted query": (put("impressions", "query_id", 5, "q9"), "impressions", "query_id", "'q9' is not in queries."),
    "item shown twice": (put("impressions", "item_id", 1, "i1"), "impressions", "item_id", "'i1' for query 'q1'"),
    "rank twice": (put("impressions", "rank", 1, 1), "impressions", "rank", "1 for query 'q1' stands twice"),
    "click outside": (put("clicks", "item_id", 0, "i4"), "clicks", "item_id", "'i4' for query 'q1' was clicked"),
    "click of no query": (put("clicks", "query_id", 0, "q9"), "clicks", "item_id", "for query 'q9' was clicked"),
    "click of no item": (put("clicks", "item_id", 0, "i9"), "clicks", "item_id", "'i9' for query 'q1' was clicked"),
    "click before query": (put("clicks", "time", 1, START), "clicks", "time", "'i3' for query 'q2'"),
    "query image unknown": (put("queries", "image", 1, "p9"), "queries", "image", "no vector for 'p9'"),
    "item image unknown": (put("items", "image", 1, "p9"), "items", "image", "no vector for 'p9'"),
    "no user": (put("queries", "user", 1, None), "queries", "user", "query 'q2' has none"),
    "no session": (sessions("a", "a", "a", "b", "b", "c", None), "queries", "session_id", "query 'q7' has none"),
    "session of two users": (
        sessions("a", "a", "a", "a", "b", "c", "d"),
        "queries",
        "session_id",
        "session 'a' has two users",
    ),
    "broken list of words": (
        lambda log: log["queries"].update(words=['["a"', *["b"] * 6]),
        "queries",
        "words",
        "row 1, column words",
    ),
    "no word with a vector": (words([[1.0], [2.0]], ("x", "y")), "word_vectors", "word", "none of the log's words"),
}


def refused(tmp_path: Path, source: Any, options: IngestOptions | None = None) -> str:
    """The line with which the log is refused, after a look that nothing of the corpus is there."""
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(BenchError) as caught:
        ingest(source, tmp_path / "corpus", options=options)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_log_is_refused(name: str, suffix: str, tmp_path: Path) -> None:
    change, table, column, what = WRONG[name]
    log = small_log()
    change(log)
    line = refused(tmp_path, write_log(tmp_path / "log", log, suffix))
    file = re.escape(f"{tmp_path / 'log' / table}.{suffix}")
    assert re.search(f"{file}, (row [0-9]+, )?column {re.escape(column)}: ", line), line
    assert what in line


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("queries", "query_id", pa.array([0] * 7, pa.date32())),
        ("queries", "time", pa.array([0] * 7, pa.time32("s"))),
        ("queries", "text", pa.array([float(i) for i in range(7)])),
        ("queries", "words", pa.array([[0.5]] * 7)),
        ("impressions", "rank", pa.array([True] * 10)),
        ("items", "image", pa.array([[1]] * 4)),
        ("images", "vector", pa.array([["a"]] * 4)),
        ("images", "vector", pa.array(range(4))),
    ],
    ids=str,
)
def test_a_parquet_column_of_a_wrong_type_is_refused(tmp_path: Path, table: str, column: str, values: pa.Array) -> None:
    log = small_log()
    log[table][column] = values
    line = refused(tmp_path, write_log(tmp_path / "log", log, "parquet"))
    assert f"{table}.parquet, column {column}: is of type" in line


@pytest.mark.parametrize("vector", ["[1, x, 2]", "one", "[1, 2, ]"])
def test_a_csv_vector_that_is_not_numbers_is_refused(tmp_path: Path, vector: str) -> None:
    log = small_log()
    log["images"]["vector"][1] = vector
    line = refused(tmp_path, write_log(tmp_path / "log", log, "csv"))
    assert f"images.csv, row 2, column vector: '{vector}' is not a list of numbers" in line


@pytest.mark.parametrize("table", list(small_log()))
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_an_empty_file_is_refused(tmp_path: Path, table: str, suffix: str) -> None:
    folder = write_log(tmp_path / "log", small_log(), suffix)
    file = folder / f"{table}.{suffix}"
    if suffix == "csv":
        file.write_text(file.read_text().splitlines()[0] + "\n")
    else:
        pq.write_table(pq.read_table(file).slice(0, 0), file)
    assert f"{file}: the file has no rows" in refused(tmp_path, folder)
    file.write_bytes(b"")
    assert f"{file}: the file is empty" in refused(tmp_path, folder)


@pytest.mark.parametrize("table", list(small_log()))
def test_a_truncated_parquet_is_refused(tmp_path: Path, table: str) -> None:
    folder = write_log(tmp_path / "log", small_log(), "parquet")
    file = folder / f"{table}.parquet"
    file.write_bytes(file.read_bytes()[:-30])
    assert f"{file}: not a readable Parquet file" in refused(tmp_path, folder)


def test_a_parquet_with_a_damaged_page_is_refused(tmp_path: Path) -> None:
    folder = write_log(tmp_path / "log", small_log(), "parquet")
    data = bytearray((folder / "impressions.parquet").read_bytes())
    data[4:60] = b"\xff" * 56
    (folder / "impressions.parquet").write_bytes(data)
    assert "impressions.parquet, column query_id: " in refused(tmp_path, folder)


@pytest.mark.parametrize(("table", "column"), [("queries", "text"), ("items", "title"), ("images", "image_id")])
def test_text_that_is_not_utf8_is_refused(tmp_path: Path, table: str, column: str) -> None:
    folder = write_log(tmp_path / "csv", small_log(), "csv")
    file = folder / f"{table}.csv"
    lines = file.read_bytes().split(b"\r\n")
    value = str(small_log()[table][column][1]).encode()
    lines[2] = lines[2].replace(value, value + b"caf\xe9")
    file.write_bytes(b"\r\n".join(lines))
    assert f"{file}, line 3, column {column}: the text is not UTF-8" in refused(tmp_path, folder)

    folder = write_log(tmp_path / "parquet", small_log(), "parquet")
    file = folder / f"{table}.parquet"
    there = pq.read_table(file)
    raw = pa.array([b"caf\xe9" if i == 1 else str(v).encode() for i, v in enumerate(there[column].to_pylist())])
    broken = pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())
    pq.write_table(there.set_column(there.schema.get_field_index(column), column, broken), file)
    assert f"{file}, column {column}: the text is not UTF-8" in refused(tmp_path, folder)


def test_a_header_that_is_not_utf8_or_repeats_a_column_is_refused(tmp_path: Path) -> None:
    folder = write_log(tmp_path / "log", small_log(), "csv")
    text = (folder / "items.csv").read_bytes()
    (folder / "items.csv").write_bytes(text.replace(b"category", b"cat\xe9gorie", 1))
    assert "items.csv, line 1: the header is not CSV in UTF-8" in refused(tmp_path, folder)
    (folder / "items.csv").write_bytes(text.replace(b"category", b"title", 1))
    assert "items.csv, column title: the column is there twice" in refused(tmp_path, folder)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"q8,ann", "Expected Number of Columns"),
        (b'q8,"ann,1,keyword,red,p1', "quote"),
        (b"a,1,2,3,4,5,6,7", "Columns"),
    ],
)
def test_a_line_that_is_not_csv_is_refused(tmp_path: Path, line: bytes, what: str) -> None:
    folder = write_log(tmp_path / "log", small_log(), "csv")
    with (folder / "queries.csv").open("ab") as file:
        file.write(line + b"\r\n")
    said = refused(tmp_path, folder)
    assert "queries.csv, line 9: " in said
    assert what in said


@pytest.mark.parametrize("table", ["queries", "impressions", "clicks", "items"])
def test_a_missing_file_is_named(tmp_path: Path, table: str) -> None:
    folder = write_log(tmp_path / "log", small_log(), "csv")
    (folder / f"{table}.csv").unlink()
    assert refused(tmp_path, folder).startswith(f"{table}.parquet or {table}.csv: not in {folder}")


def test_two_files_for_one_table_are_refused(tmp_path: Path) -> None:
    folder = write_log(tmp_path / "log", small_log(), "csv")
    write_log(folder, {"clicks": small_log()["clicks"]}, "parquet")
    assert "clicks.parquet: there is a clicks.csv as well" in refused(tmp_path, folder)


def test_files_that_are_named_must_be_there_and_known(tmp_path: Path) -> None:
    folder = write_log(tmp_path / "log", small_log(), "csv")
    source: dict[str, Path] = {name: folder / f"{name}.csv" for name in small_log()}
    assert "nowhere.csv: no such file" in refused(tmp_path, source | {"items": folder / "nowhere.csv"})
    assert "did you mean clicks?" in refused(tmp_path, source | {"click": folder / "clicks.csv"})
    (folder / "items.xlsx").write_text("x")
    assert "items.xlsx: neither Parquet" in refused(tmp_path, source | {"items": folder / "items.xlsx"})
    assert "no such folder" in refused(tmp_path, folder / "queries.csv")


def test_a_log_without_a_vector_for_its_images_says_what_was_dropped(tmp_path: Path) -> None:
    log = small_log()
    log["images"]["image_id"] = ["x1", "x2", "x3", "x4"]
    source = write_log(tmp_path / "log", log, "parquet")
    line = refused(tmp_path, source, IngestOptions(missing_images="drop"))
    assert "queries.parquet: no session is left: dropped 4 sessions without an image query" in line
    assert "--keep-text-only" in line


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (IngestOptions(idle_minutes=0), "idle_minutes"),
        (IngestOptions(test_share=0.9, valid_share=0.1), "test_share"),
        (IngestOptions(valid_share=float("nan")), "valid_share"),
        (IngestOptions(downstream=0), "downstream"),
        (IngestOptions(missing_images="keep"), "missing_images"),
        (IngestOptions(memory_limit="much"), "memory_limit"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_options_out_of_range_are_refused(tmp_path: Path, options: IngestOptions, name: str) -> None:
    assert name in refused(tmp_path, write_log(tmp_path / "log", small_log(), "csv"), options)


def test_a_corpus_that_is_there_is_not_touched_unless_told(tmp_path: Path) -> None:
    folder = write_log(tmp_path / "log", small_log(), "csv")
    ingest(folder, tmp_path / "corpus")
    written = (tmp_path / "corpus" / "corpus.toml").read_bytes()
    assert "is there already" in refused(tmp_path, folder)
    (folder / "clicks.csv").write_bytes(b"")
    with pytest.raises(BenchError):
        ingest(folder, tmp_path / "corpus", replace=True)
    assert (tmp_path / "corpus" / "corpus.toml").read_bytes() == written
    assert np.load(tmp_path / "corpus" / "image_vectors.npy").shape == (3, 3)
