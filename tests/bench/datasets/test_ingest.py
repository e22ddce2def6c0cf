"""An event log becomes the corpus that the log describes, whatever its format and the order of its rows."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from event_logs import START, Log, small_log, write_log
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.data.checks.corpus_checks import problems
from bench.data.corpus import Corpus
from bench.data.schema import SPLITS
from bench.datasets.ingest import IngestOptions, IngestReport, ingest
from bench.datasets.ingest.database import log_database
from bench.errors import BenchError


@pytest.fixture(params=["csv", "parquet"])
def suffix(request: pytest.FixtureRequest) -> str:
    return request.param


def made(tmp_path: Path, log: Log, suffix: str = "parquet", **options: Any) -> tuple[Corpus, IngestReport]:
    folder = tmp_path / f"corpus-{len(list(tmp_path.iterdir()))}"
    source = write_log(tmp_path / f"log-{folder.name}", log, suffix)
    report = ingest(source, folder, options=IngestOptions(**options))
    assert problems(folder) == []
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(folder.name)) == [folder.name]
    return Corpus(folder), report


def rows(corpus: Corpus, table: str) -> list[dict[str, Any]]:
    return pq.read_table(corpus.folder / f"{table}.parquet").to_pylist()


def texts(corpus: Corpus, table: str) -> list[list[str]]:
    words = [row["word"] for row in rows(corpus, "vocabulary")]
    return [[words[i] for i in row["words"]] for row in rows(corpus, table)]


def test_sessions_are_cut_where_a_user_was_idle_for_more_than_30_minutes(tmp_path: Path, suffix: str) -> None:
    corpus, report = made(tmp_path, small_log(), suffix)
    sessions, queries = rows(corpus, "sessions"), rows(corpus, "queries")
    assert [row["user"] for row in sessions] == ["ann", "ben", "ann"]
    assert [row["session_id"] for row in sessions] == ["ann#1", "ben#1", "ann#2"]
    assert [(q["query_id"], q["session"], q["position"]) for q in queries] == [
        ("q1", 0, 0),
        ("q2", 0, 1),
        ("q3", 0, 2),
        ("q4", 1, 0),
        ("q5", 1, 1),
        ("q7", 2, 0),
    ]
    assert [q["kind"] for q in queries] == ["keyword", "product", "keyword", "keyword", "product", "product"]
    assert sessions[0]["start"] == queries[0]["time"]
    assert queries[0]["time"].timestamp() == pa.scalar(START, pa.timestamp("s")).as_py().timestamp()
    assert report.dropped["sessions without an image query"] == 1
    assert report.dropped["queries of sessions without an image query"] == 1


def test_words_images_impressions_and_clicks_are_those_of_the_log(tmp_path: Path, suffix: str) -> None:
    corpus, report = made(tmp_path, small_log(), suffix)
    assert texts(corpus, "queries")[:4] == [["red", "shoe"], ["red", "shoe", "sale"], ["hat"], ["blue", "hat"]]
    assert texts(corpus, "items") == [["red", "shoe"], ["blue", "hat"], ["blue", "shoe"], ["big", "bag"]]
    # i2 names the image of that item, p2; p4 is nobody's
    assert [q["image"] for q in rows(corpus, "queries")] == [None, 0, None, None, 1, 2]
    assert [i["image"] for i in rows(corpus, "items")] == [0, 1, 2, None]
    assert np.asarray(corpus.image_vectors).tolist() == small_log()["images"]["vector"][:3]
    shown = [(i["query"], i["item"], i["rank"], i["clicked"]) for i in rows(corpus, "impressions")]
    assert shown == [
        (0, 0, 1, False),
        (0, 1, 2, True),
        (1, 0, 1, False),
        (1, 2, 2, True),
        (2, 3, 1, False),
        (3, 1, 1, False),
        (4, 1, 1, False),
        (4, 0, 3, True),
        (5, 2, 1, False),
    ]
    times = [i["click_time"] for i in rows(corpus, "impressions") if i["clicked"]]
    start = pa.scalar(START, pa.timestamp("s")).as_py()
    assert [(time - start).total_seconds() for time in times] == [10, 65, 390]  # of two clicks the first
    assert report.kept == {
        "vocabulary": 7,
        "items": 4,
        "sessions": 3,
        "queries": 6,
        "impressions": 9,
        "images": 3,
        "clicks": 3,
    }
    assert report.dropped["clicks that repeat another"] == 1
    assert report.dropped["clicks of dropped queries"] == 1
    assert report.dropped["impressions of dropped queries"] == 1
    assert report.dropped["images that nothing refers to"] == 1


def test_corpus_toml_says_how_it_was_made(tmp_path: Path) -> None:
    corpus, report = made(tmp_path, small_log(), seed=7)
    assert corpus.info.origin == "log"
    assert corpus.info.source["options"]["seed"] == 7
    assert corpus.info.source["report"]["dropped"] == report.dropped
    assert len(corpus.info.source["files"]["queries"]["sha256"]) == 64
    assert any("PPMI" in caveat for caveat in corpus.info.caveats)


def test_csv_and_parquet_and_any_order_of_rows_give_the_same_corpus(tmp_path: Path) -> None:
    fingerprints = {made(tmp_path, small_log(), suffix)[0].info.fingerprint for suffix in ("csv", "parquet")}
    for seed in range(3):
        shuffled = {}
        for name, columns in small_log().items():
            order = list(range(len(next(iter(columns.values())))))
            random.Random(seed).shuffle(order)
            shuffled[name] = {column: [values[i] for i in order] for column, values in columns.items()}
        fingerprints.add(made(tmp_path, shuffled, ("csv", "parquet")[seed % 2])[0].info.fingerprint)
    assert len(fingerprints) == 1


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Fingerprint of the small log's corpus."""
    return made(tmp_path_factory.mktemp("expected"), small_log())[0].info.fingerprint


def iso(seconds: int, text: str) -> str:
    return pa.scalar(seconds, pa.timestamp("s")).as_py().strftime(text)


@pytest.mark.parametrize(
    "convert",
    [
        lambda s: s * 1000,
        lambda s: str(s),
        lambda s: iso(s, "%Y-%m-%d %H:%M:%S"),
        lambda s: iso(s, "%Y-%m-%dT%H:%M:%S.000Z"),
        lambda s: iso(s + 7200, "%Y-%m-%dT%H:%M:%S+02:00"),
        lambda s: pa.scalar(s, pa.timestamp("s")).as_py(),
        lambda s: pa.scalar(s, pa.timestamp("s", tz="UTC")).as_py(),
    ],
    ids=["milliseconds", "text of seconds", "ISO", "ISO with Z", "ISO with offset", "timestamp", "timestamp with zone"],
)
def test_a_time_is_the_same_in_every_form(tmp_path: Path, convert: Any, suffix: str, expected: str) -> None:
    log = small_log()
    for table in ("queries", "clicks"):
        log[table]["time"] = [convert(seconds) for seconds in log[table]["time"]]
    assert made(tmp_path, log, suffix)[0].info.fingerprint == expected


def test_times_as_pandas_writes_them(tmp_path: Path, expected: str) -> None:
    """Nanoseconds with a time zone, in Parquet."""
    folder = write_log(tmp_path / "log", small_log(), "parquet")
    for table in ("queries", "clicks"):
        frame = pd.read_parquet(folder / f"{table}.parquet")
        times = pd.to_datetime(frame["time"], unit="s", utc=True).dt.as_unit("ns")
        frame.assign(time=times.dt.tz_convert("Europe/Berlin")).to_parquet(folder / f"{table}.parquet")
    assert pq.read_schema(folder / "clicks.parquet").field("time").type == pa.timestamp("ns", "Europe/Berlin")
    ingest(folder, tmp_path / "made")
    assert Corpus(tmp_path / "made").info.fingerprint == expected


def test_integer_ids_and_lists_of_words_and_other_columns(tmp_path: Path, suffix: str) -> None:
    log = small_log()
    for table in ("queries", "impressions", "clicks"):
        log[table]["query_id"] = [int(value[1:]) for value in log[table]["query_id"]]
    log["queries"]["words"] = [text.split() for text in log["queries"].pop("text")]
    log["items"]["words"] = [text.split() for text in log["items"].pop("title")]
    log["queries"]["device"] = ["phone"] * 7
    corpus, report = made(tmp_path, log, suffix)
    assert [q["query_id"] for q in rows(corpus, "queries")] == ["1", "2", "3", "4", "5", "7"]
    assert texts(corpus, "queries")[1] == ["red", "shoe", "sale"]
    assert report.ignored_columns == {"queries": ["device"]}


def test_sessions_that_are_given_are_kept_as_they_are(tmp_path: Path, suffix: str) -> None:
    log = small_log()
    log["queries"]["session_id"] = ["x", "x", "y", "z", "z", "w", "y"]
    del log["queries"]["user"]
    corpus, _ = made(tmp_path, log, suffix)
    assert [s["session_id"] for s in rows(corpus, "sessions")] == ["x", "z", "y"]
    assert [s["user"] for s in rows(corpus, "sessions")] == [None] * 3
    assert [q["query_id"] for q in rows(corpus, "queries")] == ["q1", "q2", "q4", "q5", "q3", "q7"]


def test_word_vectors_that_are_given_are_used_and_other_words_dropped(tmp_path: Path, suffix: str) -> None:
    log = small_log()
    words = ["shoe", "red", "blue", "never-used", "hat"]
    log["word_vectors"] = {"word": words, "vector": [[float(i), -1.0] for i in range(5)]}
    corpus, report = made(tmp_path, log, suffix)
    assert [row["word"] for row in rows(corpus, "vocabulary")] == ["blue", "hat", "red", "shoe"]
    assert np.asarray(corpus.word_vectors).tolist() == [[2, -1], [4, -1], [1, -1], [0, -1]]
    assert texts(corpus, "queries")[1] == ["red", "shoe"]
    assert report.dropped["different words without a vector"] == 3  # sale, big, bag
    assert corpus.info.caveats == ()


def test_what_cannot_be_used_is_dropped_and_counted(tmp_path: Path, suffix: str) -> None:
    log = small_log()
    log["queries"]["kind"][2] = "voice"
    log["queries"]["kind"][1] = " Product "
    log["queries"]["text"][3] = " "
    corpus, report = made(tmp_path, log, suffix)
    assert [q["query_id"] for q in rows(corpus, "queries")] == ["q1", "q2", "q5", "q7"]
    assert report.dropped["queries of an unknown kind"] == 1
    assert report.dropped["queries without words and image"] == 1


def test_text_only_sessions_and_missing_images_on_request(tmp_path: Path, suffix: str) -> None:
    log = small_log()
    log["queries"]["image"][6] = "p9"
    corpus, report = made(tmp_path, log, suffix, missing_images="drop", keep_text_only=True)
    assert len(rows(corpus, "sessions")) == 4
    assert rows(corpus, "queries")[-1]["image"] is None
    assert report.dropped["images of queries without a vector"] == 1


@pytest.mark.parametrize("column", ["absent", "null"])
def test_a_log_without_any_image_keeps_sessions_of_text_and_says_so(column: str, tmp_path: Path) -> None:
    log = small_log()
    del log["images"], log["queries"]["image"], log["items"]["image"]
    if column == "null":
        log["queries"]["image"] = [None] * 7
    corpus, report = made(tmp_path, log)
    assert corpus.image_vectors.shape == (0, 512)
    assert len(rows(corpus, "queries")) == 7
    assert "no query of the log has an image, so sessions are kept without one" in report.notes


def test_items_without_an_image_column_take_the_image_of_their_id(tmp_path: Path) -> None:
    log = small_log()
    del log["items"]["image"]
    log["images"]["image_id"] = ["i4", "i2", "p1", "p3"]
    corpus, _ = made(tmp_path, log)
    assert [i["image"] for i in rows(corpus, "items")] == [None, 0, None, 1]


def test_files_can_be_named_one_by_one_and_stand_in_odd_folders(tmp_path: Path) -> None:
    log = small_log()
    first = write_log(tmp_path / "a [1]*'s", log, "csv")
    source = {name: first / f"{name}.csv" for name in log}
    ingest(source, tmp_path / "corpus")
    assert Corpus(tmp_path / "corpus").info.counts["queries"] == 6


def test_the_split_is_random_exact_and_fixed_by_the_seed(tmp_path: Path) -> None:
    count = 200
    log = small_log()
    log["queries"] = {
        "query_id": [f"q{i}" for i in range(count)],
        "session_id": [f"s{i}" for i in range(count)],
        "time": [START + i for i in range(count)],
        "kind": ["product"] * count,
        "text": ["red shoe"] * count,
        "image": ["p1"] * count,
    }
    log["impressions"] = {"query_id": ["q1"], "item_id": ["i1"], "rank": [1]}
    log["clicks"] = {"query_id": ["q1"], "item_id": ["i1"], "time": [None]}
    one, _ = made(tmp_path, log, seed=1, downstream=60)
    again, _ = made(tmp_path, log, "csv", seed=1, downstream=60)
    other, _ = made(tmp_path, log, seed=2, downstream=60)
    split, downstream = np.asarray(one.columns.session_split), np.asarray(one.columns.session_downstream)
    assert np.bincount(split, minlength=len(SPLITS)).tolist() == [140, 20, 40]
    assert downstream.sum() == 60
    assert {int(code) for code in split[downstream]} == {0, 1, 2}
    assert one.info.fingerprint == again.info.fingerprint
    assert (np.asarray(other.columns.session_split) != split).any()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 200), st.booleans()), min_size=1, max_size=25),
    st.sampled_from([10, 30, 45]),
)
def test_sessions_are_those_of_a_plain_restatement(
    tmp_path_factory: pytest.TempPathFactory, asked: list[tuple[str, int, bool]], idle: int
) -> None:
    """Random times, many of them equal or exactly at the threshold; the expected sessions by a loop over one user."""
    queries = [(user, START + 60 * minute, f"q{i:02}", image) for i, (user, minute, image) in enumerate(asked)]
    expected: list[list[str]] = []
    for _, mine in itertools.groupby(sorted(queries), key=lambda query: query[0]):
        before = None
        sessions: list[list[tuple]] = []
        for query in mine:
            if before is None or query[1] - before > idle * 60:
                sessions.append([])
            sessions[-1].append(query)
            before = query[1]
        expected += [
            [query[2] for query in session]
            for session in sessions
            if any(query[3] for query in session) or not any(query[3] for query in queries)  # a log of text alone
        ]

    log = small_log()
    log["queries"] = {
        "query_id": [query[2] for query in queries],
        "user": [query[0] for query in queries],
        "time": [query[1] for query in queries],
        "kind": ["product"] * len(queries),
        "text": ["shoe"] * len(queries),
        "image": pa.array(["p1" if query[3] else None for query in queries], pa.string()),
    }
    log["impressions"] = {"query_id": ["q00"], "item_id": ["i1"], "rank": [1]}
    log["clicks"] = {"query_id": ["q00"], "item_id": ["i1"]}
    tmp_path = tmp_path_factory.mktemp("sessions")
    source = write_log(tmp_path / "log", log, "parquet")
    options = IngestOptions(idle_minutes=idle)
    ingest(source, tmp_path / "corpus", options=options)
    corpus = Corpus(tmp_path / "corpus")
    ids = corpus.strings("queries", "query_id").to_pylist()
    offsets = corpus.columns.session_queries
    assert sorted(ids[a:b] for a, b in itertools.pairwise(offsets)) == sorted(expected)


def test_memory_is_limited_and_spilled_into_the_working_folder(tmp_path: Path) -> None:
    with log_database(tmp_path, IngestOptions(memory_limit="64MiB", threads=1)) as db:
        said = db.execute("SELECT current_setting('memory_limit'), current_setting('temp_directory')").fetchall()[0]
        assert said == ("64.0 MiB", str(tmp_path / "spill"))
        wide = "SELECT range AS a, repeat('x', 64) || range AS b FROM range(3000000)"  # three times the limit
        db.execute(f"CREATE TABLE sorted AS {wide} ORDER BY hash(a)")
        assert db.execute("SELECT count(*) FROM sorted").fetchall() == [(3_000_000,)]


def test_out_of_memory_is_one_line_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise duckdb.OutOfMemoryException("Out of Memory Error: could not allocate\nmore lines")

    monkeypatch.setattr("bench.datasets.ingest.build.sessionise", exhausted)
    source = write_log(tmp_path / "log", small_log(), "csv")
    with pytest.raises(BenchError, match="memory_limit is 2GB: raise it") as caught:
        ingest(source, tmp_path / "corpus")
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["log"]


def test_progress_reaches_its_total(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    source = write_log(tmp_path / "log", small_log(), "csv")
    ingest(source, tmp_path / "corpus", progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == list(range(1, seen[-1][1] + 1))
