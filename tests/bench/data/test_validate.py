"""Every way in which a corpus can be broken is found, and named with its file, row and column."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from bench.data.checks import table_rows
from bench.data.checks.corpus_checks import check_corpus, problems
from bench.data.schema import KEYWORD, PRODUCT, TEST, TRAIN, VALID
from bench.data.writer import CorpusWriter
from bench.errors import BenchError

HOUR = 3_600_000


def write(folder: Path) -> Path:
    """Three sessions of two queries with two impressions each, four items, five words, three images."""
    with CorpusWriter(folder, name="tiny", origin="real", licence="CC0-1.0", word_dim=4, image_dim=6) as writer:
        writer.vocabulary(["red", "shoe", "blue", "hat", "bag"], np.eye(5, 4, dtype=np.float32))
        writer.images(np.ones((3, 6), dtype=np.int8))
        words = np.arange(5), [0, 1, 2, 3]
        writer.items(["a", "b", "c", "d"], words, [0, 1, 2, -1], ["x", "x", "y", None], pa.nulls(4, pa.string()))
        start = pa.array([0, HOUR, 2 * HOUR])
        writer.sessions(["s", "t", "u"], ["ann", "ben", None], start, [TRAIN, VALID, TEST], [True, True, False])
        time = pa.array([0, 60_000, HOUR, HOUR + 60_000, 2 * HOUR, 2 * HOUR + 60_000])
        queries, kinds = [f"q{i}" for i in range(6)], [KEYWORD, PRODUCT] * 3
        lists = np.arange(7), [0, 1, 2, 3, 4, 0]
        writer.queries(queries, [0, 0, 1, 1, 2, 2], [0, 1] * 3, time, kinds, lists, [-1, 0, -1, 1, -1, 2])
        query, item, rank = np.repeat(np.arange(6), 2), np.tile([0, 3], 6), np.tile([1, 4], 6)
        clicked = pa.array([HOUR * 9 if i % 2 else None for i in range(12)], pa.int64())
        writer.impressions(query, item, rank, np.arange(12) % 2 == 1, clicked)
    return folder


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("corpora") / "tiny")


@pytest.fixture
def corpus(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "tiny"))


def edit(corpus: Path, table: str, change: Callable[[pa.Table], pa.Table]) -> None:
    path = corpus / f"{table}.parquet"
    pq.write_table(change(pq.read_table(path)), path)


def cell(column: str, row: int, value: object) -> Callable[[pa.Table], pa.Table]:
    """Sets one cell, and lets the column hold nulls."""

    def change(table: pa.Table) -> pa.Table:
        at = table.schema.get_field_index(column)
        values = table[column].to_pylist()
        values[row] = value
        kind = table.schema.field(at).type
        return table.set_column(at, pa.field(column, kind), pa.array(values, kind))

    return change


def retype(column: str, kind: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(
        table.schema.get_field_index(column), pa.field(column, kind), table[column].cast(kind)
    )


def latin_1(column: str, row: int) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        values = [value.encode() if value is not None else None for value in table[column].to_pylist()]
        values[row] = "café".encode("latin-1")
        raw = pa.array(values, pa.binary())
        text = pa.Array.from_buffers(pa.string(), len(raw), raw.buffers(), raw.null_count)
        return table.set_column(table.schema.get_field_index(column), column, text)

    return change


def matrix(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    def broken(corpus: Path) -> None:
        np.save(corpus / f"{name}.npy", change(np.load(corpus / f"{name}.npy")))

    return broken


def put(row: int, column: int, value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(values: np.ndarray) -> np.ndarray:
        values = values.astype(np.float32)
        values[row, column] = value
        return values

    return change


def table(name: str, change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    return lambda corpus: edit(corpus, name, change)


def truncate(name: str) -> Callable[[Path], None]:
    def broken(corpus: Path) -> None:
        data = (corpus / name).read_bytes()
        (corpus / name).write_bytes(data[: len(data) // 2])

    return broken


BROKEN: dict[str, tuple[Callable[[Path], None], str, int | None, str | None, str]] = {
    "no table": (lambda c: (c / "items.parquet").unlink(), "items.parquet", None, None, "missing"),
    "no matrix": (lambda c: (c / "image_vectors.npy").unlink(), "image_vectors.npy", None, None, "missing"),
    "truncated table": (truncate("queries.parquet"), "queries.parquet", None, None, "not a readable Parquet"),
    "truncated matrix": (truncate("word_vectors.npy"), "word_vectors.npy", None, None, "not a readable .npy"),
    "file of 0 bytes": (lambda c: (c / "items.parquet").write_bytes(b""), "items.parquet", None, None, "0 bytes"),
    "missing column": (
        table("impressions", lambda t: t.drop_columns("rank")),
        "impressions.parquet",
        None,
        "rank",
        "missing",
    ),
    "wrong dtype": (table("queries", retype("session", pa.int32())), "queries.parquet", None, "session", "type int32"),
    "float rank": (table("impressions", retype("rank", pa.float64())), "impressions.parquet", None, "rank", "double"),
    "unknown column": (
        table("sessions", lambda t: t.append_column("age", pa.array([1, 2, 3]))),
        "sessions.parquet",
        None,
        "age",
        "no such column",
    ),
    "no sessions": (table("sessions", lambda t: t.slice(0, 0)), "sessions.parquet", None, None, "empty"),
    "no items": (table("items", lambda t: t.slice(0, 0)), "items.parquet", None, None, "empty"),
    "text not UTF-8": (table("vocabulary", latin_1("word", 3)), "vocabulary.parquet", 3, "word", "UTF-8"),
    "user not UTF-8": (table("sessions", latin_1("user", 1)), "sessions.parquet", 1, "user", "UTF-8"),
    "null split": (table("sessions", cell("split", 1, None)), "sessions.parquet", 1, "split", "null"),
    "null rank": (table("impressions", cell("rank", 7, None)), "impressions.parquet", 7, "rank", "null"),
    "null in words": (table("items", cell("words", 2, [1, None])), "items.parquet", 2, "words", "null"),
    "session id twice": (table("sessions", cell("session_id", 2, "s")), "sessions.parquet", 2, "session_id", "'s'"),
    "query id twice": (table("queries", cell("query_id", 4, "q1")), "queries.parquet", 4, "query_id", "'q1'"),
    "item id twice": (table("items", cell("item_id", 3, "a")), "items.parquet", 3, "item_id", "'a'"),
    "word twice": (table("vocabulary", cell("word", 4, "red")), "vocabulary.parquet", 4, "word", "'red'"),
    "unknown split": (table("sessions", cell("split", 1, "dev")), "sessions.parquet", 1, "split", "dev"),
    "unknown kind": (table("queries", cell("kind", 5, "voice")), "queries.parquet", 5, "kind", "voice"),
    "sessions descend": (table("queries", cell("session", 3, 0)), "queries.parquet", 3, "session", "ascend"),
    "session out of range": (table("queries", cell("session", 5, 9)), "queries.parquet", 5, "session", "not a row"),
    "session without query": (
        table("queries", lambda t: t.filter(pc.not_equal(t["session"], 1))),
        "queries.parquet",
        2,
        "session",
        "no query",
    ),
    "last session without query": (table("queries", lambda t: t.slice(0, 4)), "queries.parquet", 3, "session", "2 has"),
    "position skipped": (table("queries", cell("position", 1, 2)), "queries.parquet", 1, "position", "0, 1, 2"),
    "time runs backwards": (
        table("queries", cell("time", 2, 2 * HOUR)),
        "queries.parquet",
        3,
        "time",
        "before the time of the query before it",
    ),
    "session starts late": (table("sessions", cell("start", 1, 2 * HOUR)), "queries.parquet", 2, "time", "start"),
    "word out of range": (table("queries", cell("words", 4, [0, 5])), "queries.parquet", 4, "words", "vocabulary"),
    "negative word": (table("items", cell("words", 1, [-1])), "items.parquet", 1, "words", "vocabulary"),
    "image out of range": (table("queries", cell("image", 3, 3)), "queries.parquet", 3, "image", "image_vectors"),
    "item image out of range": (table("items", cell("image", 0, 99)), "items.parquet", 0, "image", "image_vectors"),
    "too few vectors": (matrix("word_vectors", lambda m: m[:-1]), "word_vectors.npy", None, None, "4 vectors"),
    "vectors in one row": (matrix("word_vectors", np.ravel), "word_vectors.npy", None, None, "1 dimensions"),
    "double vectors": (matrix("word_vectors", np.float64), "word_vectors.npy", None, None, "float64"),
    "short images": (matrix("image_vectors", np.int16), "image_vectors.npy", None, None, "int16"),
    "NaN in a word": (matrix("word_vectors", put(2, 3, np.nan)), "word_vectors.npy", 2, "3", "finite"),
    "inf in an image": (matrix("image_vectors", put(1, 5, -np.inf)), "image_vectors.npy", 1, "5", "finite"),
    "pickle in a matrix": (
        lambda c: np.save(c / "image_vectors.npy", np.array([[None]]), allow_pickle=True),
        "image_vectors.npy",
        None,
        None,
        "not a readable .npy",
    ),
    "queries descend": (table("impressions", cell("query", 4, 0)), "impressions.parquet", 4, "query", "ascend"),
    "query out of range": (table("impressions", cell("query", 11, 6)), "impressions.parquet", 11, "query", "not a row"),
    "item not listed": (table("impressions", cell("item", 3, 4)), "impressions.parquet", 3, "item", "not listed"),
    "rank 0": (table("impressions", cell("rank", 2, 0)), "impressions.parquet", 2, "rank", "below 1"),
    "rank twice": (table("impressions", cell("rank", 3, 1)), "impressions.parquet", 3, "rank", "does not ascend"),
    "item twice": (table("impressions", cell("item", 9, 0)), "impressions.parquet", 9, "item", "shown twice"),
    "click time, no click": (
        table("impressions", cell("click_time", 0, 9 * HOUR)),
        "impressions.parquet",
        0,
        "click_time",
        "without a click",
    ),
    "click before query": (
        table("impressions", cell("click_time", 5, HOUR - 1)),
        "impressions.parquet",
        5,
        "click_time",
        "before the time of its query",
    ),
}


@pytest.fixture(params=[1, 2, 1000])
def batch_rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Batches so small that sessions and lists of impressions cross their borders, and one that holds all."""
    monkeypatch.setattr(table_rows, "_BATCH_ROWS", request.param)
    monkeypatch.setattr(table_rows, "_SMALL", request.param)
    return request.param


def test_a_sound_corpus_has_no_problem(sound: Path, batch_rows: int) -> None:
    assert problems(sound) == []
    check_corpus(sound)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_corpus_is_found_out(name: str, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_rows, "_BATCH_ROWS", 2 if len(name) % 2 else 1000)
    monkeypatch.setattr(table_rows, "_SMALL", 0 if len(name) % 2 else 1000)
    damage, file, row, column, what = BROKEN[name]
    damage(corpus)
    found = problems(corpus)
    assert [(p.file, p.row, p.column) for p in found if what in p.what] == [(file, row, column)], found
    with pytest.raises(BenchError) as caught:
        check_corpus(corpus, called="the corpus")
    line = str(caught.value)
    assert "\n" not in line
    place = f"the corpus/{file}"
    place += "" if row is None else f", row {row}"
    place += "" if column is None else f", column {column}"
    if name not in ("session out of range", "queries descend"):  # these break a second rule in the same row
        assert line.startswith(place + ": ")


def test_a_problem_of_many_rows_is_listed_once(corpus: Path, batch_rows: int) -> None:
    edit(corpus, "queries", lambda t: t.set_column(4, "kind", pa.array(["voice"] * 6)))
    (found,) = problems(corpus)
    assert (found.row, found.rows) == (0, 6)
    assert "and in 5 more rows" in str(found.error("x"))


def test_missing_times_are_no_problem(corpus: Path, batch_rows: int) -> None:
    for name, column in (("sessions", "start"), ("queries", "time"), ("impressions", "click_time")):
        edit(
            corpus,
            name,
            lambda t, c=column: t.set_column(t.schema.get_field_index(c), c, pa.nulls(len(t), pa.timestamp("ms"))),
        )
    check_corpus(corpus)
    assert [p.file for p in problems(corpus)] == ["sessions.parquet", "queries.parquet", "impressions.parquet"]


def test_a_damaged_page_is_reported_and_does_not_stop_the_rest(corpus: Path) -> None:
    path = corpus / "queries.parquet"
    data = bytearray(path.read_bytes())
    data[4:200] = b"\xff" * 196
    path.write_bytes(data)
    edit(corpus, "sessions", cell("split", 1, "dev"))
    found = problems(corpus)
    assert ("sessions.parquet", 1) in [(p.file, p.row) for p in found]
    assert any(p.file == "queries.parquet" and "cannot be read" in p.what for p in found)


def test_corpus_toml_must_tell_the_truth(corpus: Path) -> None:
    edit(corpus, "items", cell("item_id", 0, "z"))
    assert [(p.file, p.what) for p in problems(corpus)] == [
        ("items.parquet", "not the contents that the corpus was made with")
    ]
    text = re.sub(r"(?m)^checksum = .*\n", "", whole := (corpus / "corpus.toml").read_text())
    (corpus / "corpus.toml").write_text(text.replace("[checksums]", "[other]"))
    assert ("corpus.toml", "the fingerprint is not that of the tables") in [(p.file, p.what) for p in problems(corpus)]
    (corpus / "corpus.toml").write_text(text.replace("impressions = 12", "impressions = 13"))
    assert any("counts.impressions is 13, but there are 12" in p.what for p in problems(corpus))
    (corpus / "corpus.toml").write_text(whole.replace("impressions = 12", "impressions = 13"))
    assert [p.what for p in problems(corpus) if p.file == "corpus.toml"] == ["is not as it was written"]
    (corpus / "corpus.toml").unlink()
    assert [p.what for p in problems(corpus)] == ["not a corpus: no corpus.toml"]


def test_the_writer_leaves_nothing_of_a_corpus_that_fails(tmp_path: Path) -> None:
    writer = CorpusWriter(tmp_path / "bad", name="bad", origin="real", licence="CC0-1.0", word_dim=4, image_dim=6)
    with pytest.raises(BenchError, match=r"bad/vocabulary.parquet: the table is empty"), writer:
        pass
    assert list(tmp_path.iterdir()) == []
