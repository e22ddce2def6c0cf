"""What a UBI log says in several ways or not at all: sessions, users, ordinals, words, and what must stay out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from ubi_logs import corpus_of, event, query, shown, small_log, write_lines

from bench.data.checks.corpus_checks import problems
from bench.datasets.ubi import make
from bench.errors import BenchError


def rows(corpus: Any, table: str) -> list[dict[str, Any]]:
    return pq.read_table(corpus.folder / f"{table}.parquet").to_pylist()


def test_what_is_personal_stays_out(tmp_path: Path) -> None:
    """Addresses, browsers, messages, and the ids of users, compressed or not."""
    log = small_log()
    for number, one in enumerate(log):
        one["client_id"] = f"Firefox@{one['client_id']}"
        if "event_attributes" in one:
            one["message"] = f"jane{number}@example.org wrote"
            one["event_attributes"] |= {"ip": "192.0.2.77", "browser": "Mozilla/5.0"}
    corpus, _ = corpus_of(tmp_path, log)
    texts = [json.dumps(rows(corpus, name), default=str) for name in ("sessions", "queries", "items", "vocabulary")]
    contents = b"".join(file.read_bytes() for file in corpus.folder.rglob("*") if file.is_file())
    for word in ("Firefox", "example.org", "192.0.2", "Mozilla"):
        assert word.encode() not in contents
        assert not any(word in text for text in texts)


def test_ordinals_from_0_are_found_out_and_said(tmp_path: Path) -> None:
    log = small_log()
    for one in log:
        if "event_attributes" in one:
            one["event_attributes"]["position"]["ordinal"] -= 1
    corpus, report = corpus_of(tmp_path, log)
    assert corpus.info.fingerprint == corpus_of(tmp_path, small_log(), "other")[0].info.fingerprint
    assert "ordinals count from 0; 1 was added to each" in report.notes


def test_ids_may_be_numbers_in_one_place_and_text_in_another(tmp_path: Path) -> None:
    log = [query("q1", "hat", 0, query_response_hit_ids=["7", "8"]), event("click", "q1", 8, 2, 5)]
    log += [
        query("q2", "hat", 9),
        *shown("q2", ["7", 8], 10),
        event("click", "q2", "8", "2", 20),
        query("q3", "bag", 30),
    ]
    _, report = corpus_of(tmp_path, log)
    assert (report.kept["clicks"], report.kept["items"]) == (2, 2)


def test_typed_queries_are_counted_and_left_out_where_asked(tmp_path: Path) -> None:
    log = small_log()
    log += [
        query("t1", "go", 40_000_000, "c2"),
        query("t2", "gol", 40_000_400, "c2"),
        query("t3", "gold", 40_000_900, "c2"),
    ]
    log += [query("t4", "ring", 41_000_000, "c3"), query("t5", "ring box", 41_060_000, "c3")]
    _, kept = corpus_of(tmp_path, log)
    _, merged = corpus_of(tmp_path, log, "merged", as_you_type="merge")
    assert any(warning.startswith("2 of 16 queries were typed on") for warning in kept.warnings)
    assert merged.dropped["queries that were typed on, without a click"] == 2
    assert merged.kept["queries"] == kept.kept["queries"] - 2


def test_a_query_that_events_alone_tell_of_is_a_query(tmp_path: Path) -> None:
    log = [one for one in small_log() if one.get("query_id") != "q00" or "action_name" in one]
    for one in log:
        if one.get("query_id") == "q00":
            one["user_query"] = "red shoe"
    corpus, _ = corpus_of(tmp_path, log)
    assert "q00" in {row["query_id"] for row in rows(corpus, "queries")}


@pytest.mark.parametrize("on_conflict", ["stop", "drop"])
def test_all_faults_are_told_at_once_or_dropped_and_counted(on_conflict: str, tmp_path: Path) -> None:
    bad: list[Any] = ['{"application": "shop", "query_id": "x", "user_que', "[1]"]
    bad += [query("late", "hat", 0, timestamp="1850-01-01T00:00:00Z"), query("odd", "hat", 0, timestamp=[1])]
    bad += [event("impression", "q00", {"id": 1}, 1, 5), event("impression", "q00", "B5", "first", 5)]
    bad += [event("click", "q00", "B99", 1, 5), event("click", "q41", "B5", 1, 0, session="s5")]
    if on_conflict == "stop":
        with pytest.raises(BenchError) as refused:
            corpus_of(tmp_path, small_log() + bad)
        for text in ("not a JSON object (2 of", "1850", "an object or a list", "'first'", "was clicked, but not shown"):
            assert text in str(refused.value)
        assert "--set on_conflict=drop" in str(refused.value)
        assert len(str(refused.value).splitlines()) == 1
    else:
        corpus, report = corpus_of(tmp_path, small_log() + bad, on_conflict="drop")
        assert report.dropped["lines that are not JSON objects"] == 2
        assert corpus.info.fingerprint == corpus_of(tmp_path, small_log(), "clean")[0].info.fingerprint


def test_a_catalogue_gives_titles_by_the_field_that_object_ids_are_found_in(tmp_path: Path) -> None:
    items = [{"_id": str(n), "_source": {"asin": f"B{n}", "title": f"listed {n}", "category": "c"}} for n in range(14)]
    path = write_lines(tmp_path / "items.ndjson", items)
    corpus, report = corpus_of(tmp_path, small_log(), items=str(path))
    assert report.kept["items"] == 14
    assert {row["category"] for row in rows(corpus, "items")} == {"c"}
    assert any("found by asin; the title is title" in note for note in report.notes)


@pytest.mark.parametrize("form", ["csv", "parquet", "bulk"])
def test_a_catalogue_may_be_a_table_or_a_bulk_request(form: str, tmp_path: Path) -> None:
    columns = {"asin": [f"B{n}" for n in range(14)], "name": [f"listed {n}" for n in range(14)]}
    path = tmp_path / f"items.{'ndjson' if form == 'bulk' else form}"
    if form == "csv":
        pc.write_csv(pa.table(columns), path)
    elif form == "parquet":
        pq.write_table(pa.table(columns), path)
    else:
        named = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        write_lines(path, [one for row in named for one in ({"index": {"_id": row["asin"]}}, row)])
    corpus, report = corpus_of(tmp_path, small_log(), items=str(path))
    assert report.kept["items"] == 14
    words = [row["word"] for row in rows(corpus, "vocabulary")]
    assert {words[row["words"][0]] for row in rows(corpus, "items")} == {"listed"}


def test_a_query_that_began_from_a_product_has_its_image_and_items_have_theirs(tmp_path: Path) -> None:
    """Where there is a vector: B1 and B4 have one, the product of the second query does not."""
    log = small_log()
    began = {"q00": "B1", "q11": "B5"}
    for one in log:
        if "query_attributes" in one and one["query_id"] in began:
            one["query_attributes"] = {"similar": {"to": began[one["query_id"]]}}
    vectors = pa.table({"image_id": ["B1", "B4", "unused"], "vector": [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]})
    pq.write_table(vectors, tmp_path / "vectors.parquet")
    options = {"product_query_key": "similar.to", "images": str(tmp_path / "vectors.parquet")}
    corpus, _ = corpus_of(tmp_path, log, **options)
    queries = {row["query_id"]: row for row in rows(corpus, "queries")}
    assert {name for name, row in queries.items() if row["kind"] == "product"} == set(began)
    assert {name for name, row in queries.items() if row["image"] is not None} == {"q00"}
    items = {row["item_id"]: row["image"] for row in rows(corpus, "items")}
    assert {name for name, image in items.items() if image is not None} == {"B1", "B4"}
    assert items["B1"] == queries["q00"]["image"]
    pq.write_table(vectors.rename_columns(["sku", "vector"]), tmp_path / "vectors.parquet")
    with pytest.raises(BenchError, match="with the columns image_id and vector"):
        corpus_of(tmp_path, log, "other", **options)


@pytest.mark.parametrize("split", ["time", "user"])
def test_a_log_is_split_as_asked(split: str, tmp_path: Path) -> None:
    log = [one for day in range(4) for one in later(small_log(), day)]
    corpus, _ = corpus_of(tmp_path, log, split=split)
    assert corpus.info.split == split
    assert problems(corpus.folder) == []


def later(log: list[dict[str, Any]], days: int) -> list[dict[str, Any]]:
    """The log some days later, by other people."""
    moved = json.loads(json.dumps(log))
    for one in moved:
        one["timestamp"] = one["timestamp"].replace("2024-12-10", f"2024-12-{10 + days}")
        one |= {name: f"{one[name]}-{days}" for name in ("query_id", "client_id", "session_id") if one.get(name)}
    return moved


def test_queries_without_a_session_join_their_clients_nearest(tmp_path: Path) -> None:
    log = [*small_log(), query("near", "blue hat", 120_000, "c1"), query("far", "blue hat", 80_000_000, "c1")]
    corpus, _ = corpus_of(tmp_path, log)
    session = {row["query_id"]: row["session"] for row in rows(corpus, "queries")}
    assert session["near"] == session["q00"]
    assert session["far"] not in {session["q00"], session["q40"]}


def test_documents_without_an_application_are_of_the_only_one(tmp_path: Path) -> None:
    log = small_log()
    for one in log[::3]:
        one.pop("application")
    assert corpus_of(tmp_path, log)[0].info.fingerprint == corpus_of(tmp_path, small_log(), "all")[0].info.fingerprint


def test_no_such_application_says_which_there_are(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "log.ndjson", small_log())
    with pytest.raises(BenchError, match="shop"):
        make(tmp_path / "corpus", name="ubi", source=source, application="shp")
