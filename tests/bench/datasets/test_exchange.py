"""Corpora from tables in memory are those of the same log in files, with its refusals; and they come back as a log."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from event_logs import small_log, write_log
from small_corpora import random_corpus

import bench
from bench.data.corpus import Corpus
from bench.datasets.ingest import IngestOptions, ingest
from bench.errors import BenchError


def tables(kind: str) -> dict[str, Any]:
    arrow = {name: pa.table(columns) for name, columns in small_log().items()}
    if kind == "pandas":  # an index of its own is no column, NaN is null
        return {name: table.to_pandas().set_index(np.arange(table.num_rows)[::-1]) for name, table in arrow.items()}
    if kind == "huggingface":
        pytest.importorskip("datasets.table")
        from datasets import Dataset
        from datasets.table import InMemoryTable

        # a selection is what Hugging Face calls a view: the rows in it count, not those below it
        doubled = {name: pa.concat_tables([table, table]) for name, table in arrow.items()}
        made = {name: Dataset(InMemoryTable(table)) for name, table in doubled.items()}
        return {name: table.select(range(len(table) // 2)) for name, table in made.items()}
    return dict(arrow)


@pytest.mark.parametrize("kind", ["pandas", "arrow", "huggingface"])
def test_tables_in_memory_are_read_as_files_are(kind: str, tmp_path: Path) -> None:
    ingest(write_log(tmp_path / "log", small_log(), "parquet"), tmp_path / "of-files", name="mine")
    corpus = bench.corpus_from_tables(tmp_path / "made", **tables(kind), name="mine")
    assert corpus.info.fingerprint == Corpus(tmp_path / "of-files").info.fingerprint
    assert corpus.info.source["report"]["read"]["rows of queries"] == 7
    assert corpus.info.source["report"]["dropped"]["sessions without an image query"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "made", "of-files"]


def test_what_is_wrong_names_the_table_and_nothing_is_left(tmp_path: Path) -> None:
    given = tables("pandas")
    with pytest.raises(BenchError, match=r"queries \(a pandas frame\).*kind"):
        bench.corpus_from_tables(tmp_path / "made", **given | {"queries": given["queries"].drop(columns="kind")})
    mixed = given["items"].assign(category=[1, "hats", b"x", None])
    with pytest.raises(BenchError, match="items: a column has values of several types"):
        bench.corpus_from_tables(tmp_path / "made", **given | {"items": mixed})
    with pytest.raises(BenchError, match="clicks: a list is no table"):
        bench.corpus_from_tables(tmp_path / "made", **given | {"clicks": [1]})
    assert not list(tmp_path.iterdir())


def since_2020(table: pa.Table) -> pa.Table:
    """The table fifty years later: random corpora begin in 1970, which ingest refuses as no time of a log."""
    if "time" not in table.column_names:
        return table
    later = pc.add(table["time"], pa.scalar(timedelta(days=365 * 50), pa.duration("ms")))
    return table.set_column(table.column_names.index("time"), "time", later)


def test_a_corpus_comes_back_from_its_log_with_the_same_sessions(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "random", sessions=60, image_share=0.5)
    log = {name: since_2020(table) for name, table in bench.log_tables(corpus).items()}
    assert {name for name, table in log.items() if table.num_rows == 0} == set()
    options = IngestOptions(keep_text_only=True, missing_images="drop")
    again = bench.log_tables(bench.corpus_from_tables(tmp_path / "again", **log, options=options))
    asked = log["queries"].to_pandas()
    asked = asked[(asked["words"].str.len() > 0) | asked["image"].notna()]  # ingest drops queries of nothing
    assert 0 < len(asked) < len(log["queries"])
    orders = {"queries": ["query_id"], "impressions": ["query_id", "rank"], "clicks": ["query_id", "item_id"]}
    for table, order in orders.items():
        before, after = (found[table].to_pandas().sort_values(order, ignore_index=True) for found in (log, again))
        before = before[before["query_id"].isin(asked["query_id"])].reset_index(drop=True)
        named = before.columns.drop(["image", "position"], errors="ignore")  # images and positions are numbered anew
        pd.testing.assert_frame_equal(before[named], after[named])
    vectors = [
        dict(zip(found["word_vectors"]["word"].to_pylist(), found["word_vectors"]["vector"].to_pylist(), strict=True))
        for found in (log, again)
    ]
    assert {word: vectors[0][word] for word in vectors[1]} == vectors[1]


def test_a_table_of_a_corpus_in_three_forms(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "random", sessions=20)
    arrow, frame = corpus.to_arrow("sessions"), corpus.to_pandas("sessions")
    assert arrow.num_rows == len(frame) == 20
    pytest.importorskip("datasets.table")
    assert corpus.to_hf("sessions")["session_id"][:] == arrow["session_id"].to_pylist() == frame["session_id"].tolist()
    with pytest.raises(BenchError, match="did you mean sessions"):
        corpus.to_arrow("sesions")
