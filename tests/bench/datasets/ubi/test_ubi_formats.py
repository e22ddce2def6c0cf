"""One log is one corpus, in whatever form and order its documents are written."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import bench_here
from ubi_logs import (
    Document,
    corpus_of,
    is_event,
    query,
    shown,
    shuffled,
    small_log,
    table_of,
    write_bulk,
    write_hits,
    write_lines,
    write_parquet,
    write_response,
    write_two,
)

from bench.data.corpus import Corpus
from bench.datasets.ubi import make
from bench.errors import BenchError

Write = Callable[[Path, list[Document]], Path]

FORMS: dict[str, Write] = {
    "bulk": lambda folder, log: write_bulk(folder / "log.ndjson", log),
    "bulk.gz": lambda folder, log: write_bulk(folder / "log.jsonl.gz", log),
    "hits": lambda folder, log: write_hits(folder / "dump.json", log),
    "response": lambda folder, log: write_response(folder / "answer.json", log),
    "two files": write_two,
    "two files.gz": lambda folder, log: write_two(folder, log, ".ndjson.gz"),
    "list": lambda folder, log: write_lines(folder / "log.json", [json.dumps(log, indent=1)]),
    "parquet": lambda folder, log: write_parquet(folder / "parquet", log),
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    return corpus_of(tmp_path_factory.mktemp("plain"), small_log())[0].info.fingerprint


@pytest.mark.parametrize("seed", [None, 1, 2])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_and_order_of_a_log_is_one_corpus(form: str, seed: int | None, plain: str, tmp_path: Path) -> None:
    log = small_log() if seed is None else shuffled(small_log(), seed)
    make(tmp_path / "corpus", name="ubi", source=FORMS[form](tmp_path / "log", log))
    assert Corpus(tmp_path / "corpus").info.fingerprint == plain


def test_attributes_may_be_flat_or_a_text_of_json(plain: str, tmp_path: Path) -> None:
    """Flattened by data frames or stored as text by a database; ids and ordinals become numbers or texts on the way."""
    flat, as_text = [], []
    for one in small_log():
        attributes = one.pop("event_attributes", None)
        if attributes is None:
            flat.append(one)
            as_text.append({**one, "query_attributes": "{}"})
            continue
        there = attributes["object"]
        flat.append(
            {
                **one,
                "event_attributes.object.object_id": there["object_id"],
                "event_attributes.object.description": there["description"],
                "event_attributes.position.ordinal": str(attributes["position"]["ordinal"]),
            }
        )
        as_text.append({**one, "event_attributes": json.dumps(attributes)})
    for name, log in (("flat", flat), ("text", as_text)):
        assert corpus_of(tmp_path, log, name)[0].info.fingerprint == plain, name


def test_columns_of_parquet_may_be_of_other_types(plain: str, tmp_path: Path) -> None:
    """Timestamps as timestamps, ordinals as doubles, attributes as text, hit ids as lists or as text."""
    log = small_log()
    events = pa.Table.from_pylist(
        [{**one, "event_attributes": json.dumps(one["event_attributes"])} for one in log if is_event(one)]
    )
    stamps = pa.array([value.as_py().rstrip("Z") for value in events["timestamp"]]).cast(pa.timestamp("us"))
    events = events.set_column(events.column_names.index("timestamp"), "timestamp", stamps)
    rows = [dict(one, query_attributes=None) for one in log if not is_event(one)]
    for one in rows:
        one["query_response_hit_ids"] = json.dumps(one.get("query_response_hit_ids") or [])
    (tmp_path / "log").mkdir()
    pq.write_table(events, tmp_path / "log" / "e.parquet")
    pq.write_table(table_of(rows), tmp_path / "log" / "q.parquet")
    make(tmp_path / "corpus", name="ubi", source=tmp_path / "log")
    assert Corpus(tmp_path / "corpus").info.fingerprint == plain


def test_times_may_be_written_in_four_ways_in_one_log(plain: str, tmp_path: Path) -> None:
    log = small_log()
    for number, one in enumerate(log):
        instant = datetime.fromisoformat(one["timestamp"])
        if number % 4 == 1:
            one["timestamp"] = one["timestamp"].replace("Z", "+0000")
        elif number % 4 == 2:
            one["timestamp"] = instant.astimezone(timezone(timedelta(hours=9, minutes=30))).isoformat()
        elif number % 4 == 3:
            one["timestamp"] = round(instant.timestamp() * 1000)
    made, report = corpus_of(tmp_path, log)
    assert made.info.fingerprint == plain
    assert any("milliseconds since 1970" in note for note in report.notes)


def test_what_lies_beside_a_log_is_named_and_not_read(tmp_path: Path) -> None:
    write_two(tmp_path / "log", small_log())
    (tmp_path / "log" / "README.md").write_text("about")
    (tmp_path / "log" / "event.schema.json").write_text(json.dumps({"title": "a schema"}, indent=2))
    report = make(tmp_path / "corpus", name="ubi", source=tmp_path / "log")
    assert any("README.md, event.schema.json" in note for note in report.notes)


def test_documents_of_another_index_are_counted_and_left_out(plain: str, tmp_path: Path) -> None:
    log = small_log()
    source = write_hits(tmp_path / "log.ndjson", log)
    with source.open("a") as file:
        file.write(json.dumps({"_index": "products", "_id": "1", "_source": {"title": "red shoe"}}) + "\n")
    report = make(tmp_path / "corpus", name="ubi", source=source)
    assert report.dropped["documents of other indices"] == 1
    assert Corpus(tmp_path / "corpus").info.fingerprint == plain


def test_the_name_of_the_index_tells_an_event_that_lost_its_action_from_a_query(tmp_path: Path) -> None:
    lost = {"application": "shop", "query_id": "q00", "client_id": "c1", "timestamp": "2024-12-10T00:00:00Z"}
    bulk = write_bulk(tmp_path / "log.ndjson", small_log())
    with bulk.open("a") as file:
        file.write(json.dumps({"index": {"_index": "ubi_events"}}) + "\n" + json.dumps(lost) + "\n")
    with pytest.raises(BenchError, match=r"line 164.*no action_name"):
        make(tmp_path / "corpus", name="ubi", source=bulk)


def test_a_url_is_fetched(plain: str, tmp_path: Path) -> None:
    source = write_bulk(tmp_path / "log.ndjson", small_log()).as_uri()
    ran = bench_here("data", "fetch", "ubi", "--from", source, "--to", tmp_path / "corpus")
    assert ran.code == 0, ran
    assert Corpus(tmp_path / "corpus").info.fingerprint == plain
    assert ran.out.startswith("kept: 6 sessions, 11 queries")


def test_one_object_over_several_lines_is_refused_with_what_to_do(tmp_path: Path) -> None:
    source = tmp_path / "log.json"
    source.write_text(json.dumps(query("q", "red", 0), indent=1))
    with pytest.raises(BenchError, match="one object a line"):
        make(tmp_path / "corpus", name="ubi", source=source)


@pytest.mark.parametrize("text", ["", "\n\n", "red;shoe\n", "[]\n", "{}\n", "null\n", "[[1]]\n"])
def test_what_is_no_log_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    source = tmp_path / "log.ndjson"
    source.write_text(text)
    for options in ({}, {"on_conflict": "drop"}):
        with pytest.raises(BenchError):
            make(tmp_path / "corpus", name="ubi", source=source, **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.ndjson"]


def test_a_log_without_clicks_is_refused_with_the_option_that_names_them(tmp_path: Path) -> None:
    log = [query("q1", "red shoe", 0), *shown("q1", ["B0", "B1"], 10), query("q2", "hat", 0, "c2")]
    with pytest.raises(BenchError, match=r"no click is left.*--set clicks=ACTION"):
        corpus_of(tmp_path, log)
