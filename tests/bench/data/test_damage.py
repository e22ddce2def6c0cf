"""A corpus is not believed when its files are not those that it was made with; what is derived is derived again."""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import tomli_w
from command_line import bench_here
from small_corpora import random_corpus

from bench.data.corpus import Corpus
from bench.errors import BenchError


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_corpus(tmp_path_factory.mktemp("corpora") / "small", sessions=30).folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy to spoil: other times, the same contents."""
    return shutil.copytree(original, tmp_path / "corpus", copy_function=shutil.copy)


def flip(file: Path, keep_time: bool = False) -> None:
    """Flips the lowest bit in the middle of a file, as a bad disk does where it keeps the time."""
    whole, before = bytearray(file.read_bytes()), file.stat()
    whole[len(whole) // 2] ^= 1
    file.write_bytes(whole)
    if keep_time:
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def edit_clicks(folder: Path) -> None:
    """Turns every click around, in a file that is otherwise as it should be."""
    file = folder / "impressions.parquet"
    table = pq.read_table(file)
    clicked = table.schema.get_field_index("clicked")
    pq.write_table(table.set_column(clicked, table.schema.field(clicked), pc.invert(table["clicked"])), file)


@pytest.mark.parametrize("name", ["word_vectors.npy", "image_vectors.npy", "queries.parquet"])
def test_a_flipped_bit_in_a_table_or_a_matrix_is_said_with_its_file(folder: Path, name: str) -> None:
    flip(folder / name)
    with pytest.raises(BenchError) as caught:
        Corpus(folder).check()
    assert str(caught.value).startswith(f"{folder / name}: is not the one that corpus.toml was written for")
    assert "put the file back, or make the corpus again" in str(caught.value)


@pytest.mark.parametrize("read", [lambda c: c.word_vectors, lambda c: c.image_vectors, lambda c: c.columns])
def test_whatever_is_read_first_is_looked_at_first(folder: Path, read: Callable[[Corpus], object]) -> None:
    flip(folder / "image_vectors.npy")
    with pytest.raises(BenchError, match=r"image_vectors\.npy: is not the one"):
        read(Corpus(folder))


@pytest.mark.parametrize("command", ["run", "stats"])
def test_edited_clicks_are_an_error_and_not_ignored(folder: Path, tmp_path: Path, command: str) -> None:
    """Before, the derived columns were taken, and numbers were those of clicks that nobody could see any more."""
    edit_clicks(folder)
    run = ("run", "--task", "ctr", "--encoder", "vanilla", "--dataset", folder, "--out", tmp_path / "runs")
    ran = bench_here(*(run if command == "run" else ("data", "stats", folder)))
    assert f"{folder}/impressions.parquet: is not the one that corpus.toml was written for" in ran.error


def test_a_table_written_again_with_the_same_contents_is_taken(folder: Path) -> None:
    before = np.array(Corpus(folder).columns.impression_clicked)
    pq.write_table(pq.read_table(folder / "impressions.parquet"), folder / "impressions.parquet", compression="none")
    np.testing.assert_array_equal(Corpus(folder).columns.impression_clicked, before)


@pytest.mark.parametrize("name", ["impression_clicked", "query_words", "session_queries"])
def test_damaged_columns_are_said_and_derived_again(
    original: Path, folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flip(folder / "columns" / f"{name}.npy")
    corpus = Corpus(folder)
    np.testing.assert_array_equal(getattr(corpus.columns, name), getattr(Corpus(original).columns, name))
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert f"columns/{name}.npy is not as it was written; the columns are derived from the tables again" in said
    Corpus(folder).check()
    assert capsys.readouterr().err == ""


def test_a_copied_corpus_is_read_whole_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its times are other ones, its contents are not: from then on its times are enough."""
    read: list[str] = []
    monkeypatch.setattr("bench.data.checksums.sha256_of", lambda path: read.append(path.name) or _sum(path))
    Corpus(folder).check()
    assert "impressions.parquet" in read
    assert "query_words.npy" in read
    read.clear()
    monkeypatch.setattr("bench.data.checksums._known", {})  # as in another process
    Corpus(folder).check()
    assert read == []


def test_validate_reads_the_contents_whatever_size_and_time_say(folder: Path) -> None:
    Corpus(folder).check()
    assert bench_here("data", "validate", folder).code == 0
    flip(folder / "columns" / "impression_clicked.npy", keep_time=True)
    ran = bench_here("data", "validate", folder)
    assert ran.code == 1
    assert "columns/impression_clicked.npy" in ran.out
    shutil.rmtree(folder / "columns")
    flip(folder / "image_vectors.npy", keep_time=True)
    ran = bench_here("data", "validate", folder)
    assert ran.code == 1
    assert "image_vectors.npy" in ran.out


def test_a_corpus_without_checksums_opens_and_names_its_folder_when_it_was_changed(folder: Path) -> None:
    """As they were made before there were any."""
    info = tomllib.loads((folder / "corpus.toml").read_text())
    del info["checksums"], info["checksum"]
    (folder / "corpus.toml").write_text(tomli_w.dumps(info))
    meta = json.loads((folder / "columns" / "meta.json").read_text())
    (folder / "columns" / "meta.json").write_text(json.dumps({"fingerprint": meta["fingerprint"]}))
    Corpus(folder).check()
    edit_clicks(folder)
    with pytest.raises(BenchError, match=rf"^{folder}: is not the one"):
        Corpus(folder).check()


def _sum(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()
