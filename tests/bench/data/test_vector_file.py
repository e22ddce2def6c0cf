"""Finished vectors are joined by id, and whatever is wrong with a file is one line with a count and an example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_corpora import random_corpus

from bench.data.corpus import Corpus
from bench.data.vector_file import read_vector_file
from bench.data.vector_writer import vector_table, write_vector_table
from bench.errors import BenchError


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("vectors") / "corpus", sessions=30)


def written(folder: Path, **columns: Any) -> Path:
    """A file with these columns, two-dimensional vectors unless others are given."""
    rows = len(next(iter(columns.values())))
    vectors = pa.array([[float(row), -float(row)] for row in range(rows)], pa.list_(pa.float32()))
    pq.write_table(pa.table({"vector": vectors, **columns}), folder / "v.parquet")
    return folder / "v.parquet"


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.float32()),
        pa.list_(pa.float64()),
        pa.large_list(pa.float32()),
        pa.list_(pa.float32(), 2),
        pa.list_(pa.float16()),
    ],
    ids=str,
)
@pytest.mark.parametrize("text", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_types_that_are_read(kind: pa.DataType, text: pa.DataType, corpus: Corpus, tmp_path: Path) -> None:
    ids = corpus.strings("queries", "query_id").to_pylist()[::-1]
    values = np.array([[row, row / 2] for row in range(len(ids))], dtype=np.float16)
    vectors = pa.array(list(values), pa.list_(pa.float16())).cast(kind)
    file = written(tmp_path, query_id=pa.array(ids).cast(text), vector=vectors)
    found = read_vector_file(file).of_prefixes(corpus, np.array([0, 3]), "ctr")
    assert found.dtype == np.float32
    last = len(ids) - 1
    np.testing.assert_array_equal(found, [[last, last / 2], [last - 3, (last - 3) / 2]])


def test_more_rows_and_columns_than_are_read_do_no_harm(corpus: Corpus, tmp_path: Path) -> None:
    ids = [*corpus.strings("queries", "query_id").to_pylist(), "of elsewhere"]
    file = written(tmp_path, query_id=ids, split=["train"] * len(ids), session_id=["s"] * len(ids))
    found = read_vector_file(file)
    assert found.by == "query_id"
    np.testing.assert_array_equal(found.of_prefixes(corpus, np.array([2]), "ctr"), [[2.0, -2.0]])


def test_vectors_of_whole_sessions_stand_for_their_last_prefix_alone(corpus: Corpus, tmp_path: Path) -> None:
    ids = corpus.strings("sessions", "session_id").to_pylist()
    last = np.asarray(corpus.columns.session_queries)[1:] - 1
    found = read_vector_file(written(tmp_path, session_id=ids))
    np.testing.assert_array_equal(found.of_prefixes(corpus, last[[4, 7]], "intent")[:, 0], [4, 7])
    every = np.arange(len(corpus.columns.query_session))
    early = len(every) - len(last)
    with pytest.raises(BenchError, match=f"{early} of the {len(every)} queries that ctr reads have later ones"):
        found.of_prefixes(corpus, every, "ctr")


def test_missing_vectors_are_counted(corpus: Corpus, tmp_path: Path) -> None:
    ids = corpus.strings("queries", "query_id").to_pylist()
    found = read_vector_file(written(tmp_path, query_id=ids[2:]))
    with pytest.raises(
        BenchError, match=rf"2 of the {len(ids)} queries that ctr reads have no vector, such as '{ids[0]}'"
    ):
        found.of_prefixes(corpus, np.arange(len(ids)), "ctr")


def test_a_file_that_says_it_is_of_another_corpus_is_not_joined(corpus: Corpus, tmp_path: Path) -> None:
    ids = corpus.strings("queries", "query_id")
    for fingerprint in (corpus.info.fingerprint, "0" * 64):
        table = vector_table({"query_id": ids}, np.ones((len(ids), 3)), {"corpus": fingerprint})
        write_vector_table(table, tmp_path / fingerprint)
    queries = np.arange(5)
    assert read_vector_file(tmp_path / corpus.info.fingerprint).of_prefixes(corpus, queries, "ctr").shape == (5, 3)
    with pytest.raises(BenchError, match="of another corpus"):
        read_vector_file(tmp_path / ("0" * 64)).of_prefixes(corpus, queries, "ctr")


FLOATS = pa.list_(pa.float32())
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no id": ({"id": ["a"]}, "no column query_id or session_id (its columns: vector, id)"),
    "number ids": ({"query_id": [1, 2]}, "query_id is int64, not text"),
    "null id": ({"query_id": ["a", None, None]}, "2 rows have no query_id"),
    "duplicates": ({"query_id": ["a", "b", "a", "b", "c", "a"]}, "2 ids have several rows, such as 'a'"),
    "no list": ({"query_id": ["a"], "vector": [1.0]}, "it is double, not a list of floats"),
    "whole numbers": ({"query_id": ["a"], "vector": [[1, 2]]}, "it is list<element: int64>, not a list of floats"),
    "null vectors": (
        {"query_id": ["a", "b"], "vector": pa.array([[1.0], None], FLOATS)},
        "1 rows have no vector, such as 'b'",
    ),
    "lengths": (
        {"query_id": ["a", "b", "c"], "vector": pa.array([[1.0], [1.0, 2.0], [3.0]], FLOATS)},
        "vectors must have one length, and there are 2 of 1, 1 of 2",
    ),
    "width 0": ({"query_id": ["a"], "vector": pa.array([[]], FLOATS)}, "there are 1 of 0"),
    "not a number": (
        {"query_id": ["a", "b", "c"], "vector": pa.array([[1.0, 1], [np.nan, 1], [1, np.inf]], FLOATS)},
        "2 of 3 vectors have an entry that is empty, NaN or infinite, such as that of 'b'",
    ),
    "empty entry": ({"query_id": ["a"], "vector": pa.array([[1.0, None]], FLOATS)}, "1 of 1 vectors have an entry"),
    "too large": (
        {"query_id": ["a"], "vector": pa.array([[1e300]], pa.list_(pa.float64()))},
        "1 of 1 vectors have an entry",
    ),
    "no rows": ({"query_id": pa.array([], pa.string()), "vector": pa.array([], FLOATS)}, "no rows"),
}


@pytest.mark.parametrize(("columns", "message"), WRONG.values(), ids=WRONG)
def test_wrong_files_are_refused(columns: dict[str, Any], message: str, tmp_path: Path) -> None:
    file = written(tmp_path, **columns)
    with pytest.raises(BenchError) as error:
        read_vector_file(file)
    assert message in str(error.value)
    assert str(file) in str(error.value)


def test_what_is_no_parquet_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no such file"):
        read_vector_file(tmp_path / "nowhere.parquet")
    (tmp_path / "text.parquet").write_text("query_id,vector\n")
    with pytest.raises(BenchError, match="not readable as Parquet"):
        read_vector_file(tmp_path / "text.parquet")
    pq.write_table(pa.table({"query_id": ["a"]}), tmp_path / "v.parquet")
    with pytest.raises(BenchError, match="no column vector"):
        read_vector_file(tmp_path / "v.parquet")
