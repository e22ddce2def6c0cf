"""``bench pretrain`` and ``bench embed``: an encoder as a tool, with one vector for every session."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from command_line import bench_here
from small_corpora import random_corpus

from bench.data.corpus import Corpus

QUICK = ["--set", "steps=3", "--set", "validate_every=1", "--set", "batch_size=16", "--device", "cpu"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("corpora") / "small", sessions=50)


def embed(corpus: Corpus, to: Path, out: Path, *more: object) -> pd.DataFrame:
    arguments = ["--encoder", "random", "--dataset", corpus.folder, "--to", to, "--out", out, "--device", "cpu", *more]
    ran = bench_here("embed", *arguments)
    assert ran.code == 0, ran.err
    assert ran.out == f"50 sessions in {to}\n"
    return pd.read_parquet(to)


def test_every_session_has_a_vector(corpus: Corpus, tmp_path: Path) -> None:
    to = tmp_path / "new" / "vectors.parquet"
    frame = embed(corpus, to, tmp_path)
    assert list(frame.columns) == ["session_id", "split", "vector"]
    assert frame["session_id"].tolist() == corpus.strings("sessions", "session_id").to_pylist()
    assert frame["split"].tolist() == corpus.strings("sessions", "split").to_pylist()
    vectors = np.stack(frame["vector"].to_numpy())
    assert vectors.shape == (50, 64)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert len(np.unique(vectors.round(5), axis=0)) > 30
    assert [path.name for path in to.parent.iterdir()] == ["vectors.parquet"]
    metadata = pq.read_schema(to).metadata
    assert metadata[b"encoder"] == b"random"
    assert metadata[b"corpus"].decode() == corpus.info.fingerprint


def test_vectors_are_those_of_seed_and_options(corpus: Corpus, tmp_path: Path) -> None:
    first = np.stack(embed(corpus, tmp_path / "a", tmp_path / "runs")["vector"])
    again = np.stack(embed(corpus, tmp_path / "b", tmp_path / "elsewhere")["vector"])
    other = np.stack(embed(corpus, tmp_path / "c", tmp_path / "runs", "--seed", 1)["vector"])
    narrow = np.stack(embed(corpus, tmp_path / "d", tmp_path / "runs", "--set", "view_dim=8")["vector"])
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
    assert narrow.shape == (50, 16)


def test_pretraining_says_where_its_weights_are_and_happens_once(corpus: Corpus, tmp_path: Path) -> None:
    arguments = ["--encoder", "muvcog-m", "--dataset", corpus.folder, "--out", tmp_path / "runs", *QUICK]
    ran = bench_here("pretrain", *arguments)
    assert ran.code == 0, ran.err
    folder = Path(ran.out.strip())
    assert {path.name for path in folder.iterdir()} == {"encoder.json", "encoder.safetensors", "curve.parquet"}
    assert pd.read_parquet(folder / "curve.parquet")["step"].tolist() == [1, 2, 3]
    (row,) = bench_here("pretrain", *arguments, "--json").rows
    assert (row["folder"], row["key"], row["step"], row["seed"]) == (str(folder), folder.name, 3, 0)
    assert {"train_loss", "valid_accuracy", "seconds"} <= set(row)
    before = (folder / "encoder.safetensors").stat().st_mtime_ns
    assert bench_here("pretrain", *arguments).out == ran.out
    vectors = bench_here("embed", *arguments, "--to", tmp_path / "vectors.parquet", "--json")
    assert vectors.rows[0]["rows"] == 50, vectors.err
    assert (folder / "encoder.safetensors").stat().st_mtime_ns == before
    assert pq.read_schema(tmp_path / "vectors.parquet").metadata[b"key"].decode() == folder.name


def test_a_pretraining_that_fails_is_one_line(corpus: Corpus, tmp_path: Path) -> None:
    arguments = ["--encoder", "muvcog-m", "--dataset", corpus.folder, "--out", tmp_path, *QUICK]
    error = bench_here("pretrain", *arguments, "--set", "learning_rate=1e30").error
    assert "the pretraining loss is" in error
    assert "bench show " in error


def test_a_wrong_choice_ends_before_anything_is_pretrained(corpus: Corpus, tmp_path: Path) -> None:
    arguments = ["--encoder", "muvcog-m", "--dataset", corpus.folder, "--out", tmp_path / "out", *QUICK]
    error = bench_here("pretrain", *arguments, "--set", "beta=median").error
    assert "muvcog-m.beta must be mean or sum, not 'median'" in error
    assert not (tmp_path / "out" / "encoders").exists()
