"""``bench embed --shard-rows``: the vectors of one file in a folder of shards, which a killed run goes on with."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from command_line import Ran, bench_here
from small_corpora import random_corpus

from bench.data.corpus import Corpus
from bench.data.vector_file import read_vector_file
from bench.data.vector_parts import MANIFEST, read_manifest
from bench.errors import BenchError

KILLED = """
import os, signal, sys
from bench.cli.main import main
from bench.runs.extraction import Encoding
made, vectors = [], Encoding.vectors
def dies(self, queries):
    made.append(len(queries))
    if len(made) > 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return vectors(self, queries)
Encoding.vectors = dies
main()
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("corpora") / "some", sessions=900)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("embedded")


def arguments(corpus: Corpus, runs: Path, to: Path, *more: object) -> list[object]:
    encoder = ["--encoder", "random", "--dataset", corpus.folder, "--device", "cpu"]
    return ["embed", *encoder, "--prefixes", "--to", to, "--out", runs / "runs", *more]


def embed(corpus: Corpus, runs: Path, to: Path, *more: object) -> Ran:
    return bench_here(*arguments(corpus, runs, to, *more))


@pytest.fixture(scope="module")
def one_file(corpus: Corpus, runs: Path) -> Path:
    assert embed(corpus, runs, runs / "one.parquet").code == 0
    return runs / "one.parquet"


@pytest.fixture(scope="module")
def shards(corpus: Corpus, runs: Path) -> Path:
    ran = embed(corpus, runs, runs / "shards", "--shard-rows", 1000, "--jobs", 2)
    assert ran.code == 0, ran.err
    return runs / "shards"


def frame_of(folder: Path) -> pd.DataFrame:
    return pd.concat([pd.read_parquet(part) for part in sorted(folder.glob("part-*.parquet"))], ignore_index=True)


def test_shards_hold_what_one_file_holds_to_the_last_digit(corpus: Corpus, one_file: Path, shards: Path) -> None:
    pd.testing.assert_frame_equal(pd.read_parquet(one_file), frame_of(shards), check_exact=True)
    made, parts = read_manifest(shards)
    queries = len(corpus.columns.query_session)
    assert [part["rows"] for part in parts[:-1]] == [1024] * (queries // 1024), "whole batches"
    assert (made["rows"], made["unit"], made["corpus"]) == (queries, "query_id", corpus.info.fingerprint)
    assert {file.name for file in shards.iterdir()} == {MANIFEST, *(part["file"] for part in parts)}
    metadata = [pq.read_schema(shards / part["file"]).metadata for part in parts]
    assert {said[b"corpus"].decode() for said in metadata} == {corpus.info.fingerprint}


def test_a_killed_run_is_gone_on_with_after_its_last_whole_shard(
    corpus: Corpus, runs: Path, one_file: Path, tmp_path: Path
) -> None:
    to = tmp_path / "killed"
    words = [str(word) for word in arguments(corpus, runs, to, "--shard-rows", 1024)]
    died = subprocess.run([sys.executable, "-c", KILLED, *words], capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    with pytest.raises(BenchError, match=r"not finished: 2,048 of \d+ vectors"):
        read_vector_file(to)
    before = {file.name: file.stat().st_mtime_ns for file in to.glob("part-*.parquet")}
    assert len(before) == 2
    ran = embed(corpus, runs, to, "--shard-rows", 1024)
    assert "2,048 of" in ran.err
    assert {name: (to / name).stat().st_mtime_ns for name in before} == before, "they were not made again"
    pd.testing.assert_frame_equal(pd.read_parquet(one_file), frame_of(to), check_exact=True)
    assert not list(to.glob("*.writing-*")), "what the killed run left half-written is gone"

    damaged = to / "part-00001.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    run = bench_here("run", "--task", "ctr", "--encoder", f"{to}/", "--dataset", corpus.folder, "--out", runs / "r")
    assert "part-00001.parquet: is not as _manifest.json says" in run.error
    assert embed(corpus, runs, to, "--shard-rows", 1024).code == 0
    pd.testing.assert_frame_equal(pd.read_parquet(one_file), frame_of(to), check_exact=True)


def test_a_folder_of_other_vectors_is_refused(corpus: Corpus, runs: Path, shards: Path, tmp_path: Path) -> None:
    for more, said in (
        (["--shard-rows", 1000, "--seed", 1], "holds other vectors: key "),
        (["--shard-rows", 2048], "holds other vectors: shard_rows 1024, not 2048"),
        (["--shard-rows", 1000, "--float16"], "holds other vectors: numbers 'float32', not 'float16'"),
        ([], "is a folder (name a file, or give --shard-rows for a folder)"),
    ):
        assert said in embed(corpus, runs, shards, *more).error
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / MANIFEST).write_text(json.dumps({"format": 1, "shards": [{"file": "../x", "rows": 1}]}))
    assert "not a manifest of vectors" in embed(corpus, runs, tmp_path / "odd", "--shard-rows", 1000).error


def test_a_folder_is_read_as_one_file_is(corpus: Corpus, runs: Path, one_file: Path, shards: Path) -> None:
    queries = np.flatnonzero(np.arange(len(corpus.columns.query_session)) % 3)
    expected = read_vector_file(one_file).of_prefixes(corpus, queries, "ctr")
    np.testing.assert_array_equal(read_vector_file(shards).of_prefixes(corpus, queries, "ctr"), expected)
    plain = runs / "of another program"
    plain.mkdir()
    for part in shards.glob("part-*.parquet"):
        shutil.copy(part, plain / part.name)
    mapped = read_vector_file(plain).of_prefixes(corpus, queries, "ctr", into=runs / "mapped.npy")
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(np.load(runs / "mapped.npy"), expected)

    where = ["--dataset", corpus.folder, "--out", runs / "grid", "--device", "cpu", "--json"]
    short = ["--baseline", "transearch", "--seeds", 1, "--set", "epochs=1"]
    encoders = f"{one_file}[name=one],{shards}/[name=many]"
    ran = bench_here("run", "--task", "ctr", "--encoder", encoders, *short, *where)
    assert ran.code == 0, ran.err
    means = {(row["encoder"], row["metric"]): row["mean"] for row in ran.rows}
    assert {name for name, _ in means} == {"vanilla", "one", "many"}
    assert {means["one", metric] - means["many", metric] for name, metric in means if name == "one"} == {0.0}


def test_half_the_space_holds_three_digits(corpus: Corpus, runs: Path, one_file: Path, tmp_path: Path) -> None:
    assert embed(corpus, runs, tmp_path / "half.parquet", "--float16").code == 0
    queries = np.arange(len(corpus.columns.query_session))
    half, whole = (
        read_vector_file(file).of_prefixes(corpus, queries, "ctr") for file in (tmp_path / "half.parquet", one_file)
    )
    np.testing.assert_allclose(half, whole, rtol=1e-3, atol=1e-6)
    assert (tmp_path / "half.parquet").stat().st_size < 0.7 * one_file.stat().st_size
