"""``bench data``: corpora are made, fetched, ingested, described and checked from the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from command_line import bench_here
from event_logs import small_log, write_log
from ubi_logs import small_log as small_ubi_log
from ubi_logs import write_bulk

from bench.data.corpus import Corpus


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "beauty"
    ran = bench_here("data", "make", "beauty", "--set", "sessions=300", "--set", "downstream=200", "--to", folder)
    assert ran.code == 0, ran.err
    assert "300 sessions" in ran.out
    assert "Note: " in ran.out
    return folder


def test_a_made_corpus_is_what_was_asked_for(made: Path) -> None:
    corpus = Corpus(made)
    assert corpus.info.counts["sessions"] == 300
    assert len(corpus.session_rows(downstream=True)) == 200
    assert corpus.info.label == "beauty (simulated)"
    assert bench_here("data", "make", "beauty", "--to", made).error.count("is there already") == 1


def test_wrong_options_leave_nothing(tmp_path: Path) -> None:
    for setting, line in (("sessions=5", "sessions"), ("sesions=500", "did you mean sessions?"), ("noise=-1", "noise")):
        assert line in bench_here("data", "make", "beauty", "--set", setting, "--to", tmp_path / "x").error
    assert not list(tmp_path.iterdir())


def test_statistics_stand_beside_the_published_ones(made: Path) -> None:
    rows = bench_here("data", "stats", made, "--json").rows
    assert all(set(row) == {"statistic", "value", "published"} for row in rows)
    assert {row["value"] for row in rows if "essions" in row["statistic"]} >= {300}
    assert any(row["published"] is not None for row in rows)
    assert all(isinstance(row["value"], int | float) for row in rows)
    table = bench_here("data", "stats", made)
    assert table.code == 0
    assert "beauty (simulated)" in table.out
    assert all(row["statistic"] in table.out for row in rows)


def test_a_good_corpus_validates(made: Path) -> None:
    ran = bench_here("data", "validate", made)
    assert (ran.code, ran.out, ran.err) == (0, f"{made}: nothing wrong\n", "")
    assert bench_here("data", "validate", made, "--json").rows == []


@pytest.mark.parametrize("table", ["sessions", "queries", "impressions", "items", "vocabulary"])
def test_a_damaged_table_is_named(made: Path, tmp_path: Path, table: str) -> None:
    folder = shutil.copytree(made, tmp_path / "beauty")
    file = folder / f"{table}.parquet"
    file.write_bytes(file.read_bytes()[:-30])
    ran = bench_here("data", "validate", folder)
    assert ran.code == 1
    assert any(line.startswith(f"{file}: ") for line in ran.out.splitlines()), "a line for people, not an object"
    assert "Traceback" not in ran.err


def test_a_table_with_a_wrong_row_is_named(made: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(made, tmp_path / "beauty")
    table = pq.read_table(folder / "queries.parquet")
    column = table.schema.get_field_index("session")
    wrong = table["session"].to_pylist()
    wrong[7] = 300
    pq.write_table(table.set_column(column, table.schema.field(column), [wrong]), folder / "queries.parquet")
    ran = bench_here("data", "validate", folder)
    assert ran.code == 1
    assert "queries.parquet" in ran.out
    told = bench_here("data", "validate", folder, "--json")
    assert told.code == 1
    assert ("queries.parquet", 7) in {(row["file"], row["row"]) for row in told.rows}


def test_what_is_no_corpus_does_not_validate(tmp_path: Path) -> None:
    ran = bench_here("data", "validate", tmp_path)
    assert ran.code in (1, 2)
    assert "corpus.toml" in ran.out + ran.err


def test_datasets_and_corpora_are_listed(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "corpora" / "mine")
    rows = bench_here("data", "list", "--out", tmp_path, "--json").rows
    assert {"beauty", "clothes", "digital", "mmsession", "fashioniq"} <= {
        r["name"] for r in rows if r["folder"] is None
    }
    assert [(r["name"], r["what"]) for r in rows if r["folder"]] == [("beauty", "300 sessions")]
    assert str(tmp_path / "corpora" / "mine") in bench_here("data", "list", "--out", tmp_path).out


def test_one_damaged_corpus_does_not_hide_the_others(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "corpora" / "mine")
    (tmp_path / "corpora" / "half").mkdir()
    (tmp_path / "corpora" / "half" / "corpus.toml").write_text("name = ")
    ran = bench_here("data", "list", "--out", tmp_path)
    assert ran.code == 0
    assert str(tmp_path / "corpora" / "mine") in ran.out
    assert "half" in ran.out + ran.err


def test_a_fetched_log_says_what_became_of_its_rows_to_people_and_to_programs(tmp_path: Path) -> None:
    log = write_bulk(tmp_path / "log.ndjson", small_ubi_log())
    told = bench_here("data", "fetch", "ubi", "--from", log, "--to", tmp_path / "people")
    assert "kept: " in told.out
    assert "ordinals count from 1" in told.out
    rows = bench_here("data", "fetch", "ubi", "--from", log, "--to", tmp_path / "programs", "--json").rows
    kept = {row["name"]: row["value"] for row in rows if row["what"] == "kept"}
    assert kept["queries"] == Corpus(tmp_path / "programs").info.counts["queries"]
    assert {"read", "note", "measure"} <= {row["what"] for row in rows}


def test_what_must_be_fetched_says_from_where(tmp_path: Path) -> None:
    out = ["--out", tmp_path]
    assert "bench data fetch fashioniq --from PATH|URL" in bench_here("data", "make", "fashioniq", *out).error
    assert "https://github.com" in bench_here("data", "stats", "fashioniq", *out).error
    error = bench_here("data", "fetch", "fashioniq", "--from", tmp_path / "nowhere", *out).error
    assert "nowhere" in error
    (tmp_path / "empty").mkdir()
    assert "empty" in bench_here("data", "fetch", "fashioniq", "--from", tmp_path / "empty", *out).error
    assert "bench data make beauty" in bench_here("data", "fetch", "beauty", "--from", tmp_path, *out).error
    left = sorted(path.name for path in tmp_path.rglob("*"))
    assert left == ["empty"], "not even an empty folder of corpora"


def test_a_log_is_ingested(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", small_log(), "csv")
    ran = bench_here("data", "ingest", log, "--to", tmp_path / "shop", "--name", "shop", "--licence", "ours")
    assert ran.code == 0, ran.err
    assert " 3 sessions, 6 queries" in ran.out
    assert Corpus(tmp_path / "shop").info.licence == "ours"
    assert bench_here("data", "validate", tmp_path / "shop").code == 0
    assert "is there already" in bench_here("data", "ingest", log, "--to", tmp_path / "shop").error


@pytest.mark.parametrize(
    ("table", "column", "row", "value", "line"),
    [
        ("queries", "time", 1, "yesterday", "queries.csv, row 2, column time: 'yesterday' is not a timestamp"),
        ("impressions", "rank", 2, "first", "impressions.csv, row 3, column rank: 'first' is not an integer"),
        ("clicks", "item_id", 0, "i4", "'i4' for query 'q1' was clicked"),
        ("impressions", "item_id", 5, "i9", "'i9' is not in items."),
        ("images", "vector", 2, [1.0, 2.0], "'p3' of 2 numbers"),
        ("items", "item_id", 3, "i1", "'i1' stands twice"),
    ],
)
def test_a_bad_log_is_one_line_and_leaves_nothing(
    table: str, column: str, row: int, value: object, line: str, tmp_path: Path
) -> None:
    log = small_log()
    log[table][column][row] = value
    folder = write_log(tmp_path / "log", log, "csv")
    assert line in bench_here("data", "ingest", folder, "--to", tmp_path / "shop").error
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_a_missing_file_and_a_wrong_option_are_one_line(tmp_path: Path) -> None:
    folder = write_log(tmp_path / "log", small_log(), "csv")
    to = ["--to", tmp_path / "shop"]
    assert "idle_minutes" in bench_here("data", "ingest", folder, *to, "--idle-minutes", "0").error
    (folder / "clicks.csv").unlink()
    assert "clicks" in bench_here("data", "ingest", folder, *to).error
    assert "nowhere" in bench_here("data", "ingest", tmp_path / "nowhere", *to).error
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_the_columns_of_a_log_are_explained() -> None:
    ran = bench_here("data", "columns")
    assert ran.code == 0
    assert all(name in ran.out for name in ("query_id", "item_id", "rank", "image_id"))
