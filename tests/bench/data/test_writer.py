"""What is written is what is read, in chunks of any size; a failure leaves nothing; nothing is overwritten unasked."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from small_corpora import random_corpus
from whole_corpora import Content, awkward, read, write

from bench.data import writer
from bench.data.corpus import Corpus
from bench.data.schema import MATRICES, TABLES
from bench.data.writer import CorpusWriter
from bench.errors import BenchError


@pytest.fixture
def content(tmp_path: Path) -> Content:
    return awkward(random_corpus(tmp_path / "first", sessions=20, image_share=0.5))


@pytest.mark.parametrize("chunk", [1, 7, 10**6])
def test_every_table_and_matrix_is_read_as_written(tmp_path: Path, content: Content, chunk: int) -> None:
    corpus = write(tmp_path / "again", content, chunk)
    for name, table in content.tables.items():
        found = pq.read_table(corpus.folder / f"{name}.parquet")
        assert found.schema.equals(TABLES[name])
        assert found.to_pylist() == table.to_pylist(), name
        assert corpus.info.counts[name] == len(table)
    for name in MATRICES:
        matrix = getattr(corpus, name)
        assert isinstance(matrix, np.memmap)
        assert matrix.dtype == content.matrices[name].dtype
        np.testing.assert_array_equal(matrix, content.matrices[name])
    assert corpus.info.counts["images"] == len(content.matrices["image_vectors"])


def test_float_image_vectors(tmp_path: Path, content: Content) -> None:
    content.matrices["image_vectors"] = (content.matrices["image_vectors"] / 100).astype(np.float32)
    corpus = write(tmp_path / "again", content, chunk=50)
    assert corpus.image_vectors.dtype == np.float32
    np.testing.assert_array_equal(corpus.image_vectors, content.matrices["image_vectors"])


def test_the_same_contents_have_the_same_fingerprint_in_any_chunks(tmp_path: Path, content: Content) -> None:
    written = [write(tmp_path / f"by{chunk}", content, chunk).info for chunk in (1, 13, 10**6)]
    assert len({info.fingerprint for info in written}) == 1
    renamed = write(tmp_path / "renamed", content, name="another", caveats=["beware"])
    assert renamed.info.fingerprint == written[0].fingerprint, "the name is not part of the contents"
    assert (renamed.info.name, renamed.info.caveats) == ("another", ("beware",))


def test_rows_that_come_in_small_pieces_share_row_groups(
    tmp_path: Path, content: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of a file describes each group: with one for every call it would grow with the corpus."""
    monkeypatch.setattr(writer, "_GROUP_ROWS", 50)
    corpus = write(tmp_path / "again", content, chunk=3)
    for name, table in content.tables.items():
        footer = pq.read_metadata(corpus.folder / f"{name}.parquet")
        assert footer.num_row_groups == -(-len(table) // 51), name  # a group is full with the piece that makes it 50


def test_who_gives_rows_may_use_their_memory_again(tmp_path: Path) -> None:
    zeros = np.zeros(1, np.int64)
    with CorpusWriter(tmp_path / "corpus", name="tiny", origin="real", licence="CC0-1.0", word_dim=2) as writing:
        writing.vocabulary(["red"], np.ones((1, 2), np.float32))
        writing.items(["a"], ([0, 1], [0]), [-1], ["x"], ["x"])
        split, start = np.zeros(1, np.int8), np.zeros(1, np.int64)
        for row in range(3):
            split[:], start[:] = row, 1_000 * row
            writing.sessions([f"s{row}"], ["ann"], start, split, zeros)
            session, position = np.array([row]), np.zeros(1, np.int32)
            writing.queries([f"q{row}"], session, position, start, zeros, ([0, 1], [0]), [-1])
            session[:], position[:] = 99, 99
    sessions = pq.read_table(tmp_path / "corpus" / "sessions.parquet")
    assert sessions["split"].to_pylist() == ["train", "valid", "test"]
    assert sessions["start"].cast("int64").to_pylist() == [0, 1_000, 2_000]


def test_the_source_is_kept_without_nones(tmp_path: Path, content: Content) -> None:
    source = {"seed": 3, "nothing": None, "options": {"a": 0.5, "b": None, "names": ["x", "y"]}}
    corpus = write(tmp_path / "again", content, source=source)
    assert corpus.info.source == {"seed": 3, "options": {"a": 0.5, "names": ["x", "y"]}}


def test_an_existing_folder_is_refused_and_replaced_only_on_demand(tmp_path: Path, content: Content) -> None:
    first = write(tmp_path / "again", content)
    with pytest.raises(BenchError, match="is there already"):
        write(tmp_path / "again", content)
    content.matrices["word_vectors"][0] += 1
    second = write(tmp_path / "again", content, replace=True)
    assert second.info.fingerprint != first.info.fingerprint
    np.testing.assert_array_equal(Corpus(tmp_path / "again").word_vectors, content.matrices["word_vectors"])


def test_an_exception_inside_leaves_nothing(tmp_path: Path, content: Content) -> None:
    with pytest.raises(ValueError, match="this file takes"):  # too narrow: fails halfway
        write(tmp_path / "again", content, image_dim=5)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["first"]


def test_a_failed_check_leaves_nothing_and_names_the_place(tmp_path: Path, content: Content) -> None:
    items = content.tables["impressions"]["item"].to_pylist()
    content.replace("impressions", "item", [*items[:-1], 10**6])
    with pytest.raises(BenchError, match=rf"again.impressions\.parquet, row {len(items) - 1}, column item") as failure:
        write(tmp_path / "again", content)
    assert "\n" not in str(failure.value)
    assert ".writing" not in str(failure.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["first"]


def test_a_failed_replacement_keeps_the_corpus_that_was_there(tmp_path: Path, content: Content) -> None:
    first = write(tmp_path / "again", content)
    content.matrices["word_vectors"][3, 3] = np.nan
    with pytest.raises(BenchError, match="not finite"):
        write(tmp_path / "again", content, replace=True)
    assert Corpus(tmp_path / "again").info == first.info
    assert read(Corpus(tmp_path / "again")).tables["items"].num_rows == content.tables["items"].num_rows


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path, content: Content) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = tmp_path / f"again.writing-{gone.pid}@{platform.node()}"
    left.mkdir()
    (left / "junk").write_text("x")
    corpus = write(tmp_path / "again", content)
    assert not left.exists()
    assert not (corpus.folder / "junk").exists()
