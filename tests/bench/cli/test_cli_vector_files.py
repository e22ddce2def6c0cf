"""``--encoder vectors.parquet``: finished vectors as an encoder, from the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import Ran, bench_here
from small_corpora import random_corpus

from bench.data.corpus import Corpus
from bench.evaluation.grid import plan_experiment
from bench.evaluation.load import load_experiment
from bench.plugins.registry import registry
from bench.runs.plan import RunRequest, make_plan
from bench.runs.store import Store

FEW = ["--baseline", "transearch", "--seeds", 2, "--set", "epochs=2", "--device", "cpu"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("corpora") / "small", sessions=60)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vectors") / "runs"


@pytest.fixture(scope="module")
def prefixes(corpus: Corpus, runs: Path) -> Path:
    return embedded(corpus, runs, "prefixes.parquet", "--prefixes")


@pytest.fixture(scope="module")
def sessions(corpus: Corpus, runs: Path) -> Path:
    return embedded(corpus, runs, "sessions.parquet")


def embedded(corpus: Corpus, runs: Path, name: str, *more: str) -> Path:
    to = runs.parent / name
    ran = bench_here("embed", "--encoder", "random", "--dataset", corpus.folder, "--to", to, "--out", runs, *more)
    assert ran.code == 0, ran.err
    return to


def run(corpus: Corpus, runs: Path, task: str, encoders: str, *more: object) -> Ran:
    where = ["--dataset", corpus.folder, "--out", runs]
    return bench_here("run", "--task", task, "--encoder", encoders, *where, "--json", *more)


def test_embed_writes_a_vector_for_every_prefix(corpus: Corpus, prefixes: Path, sessions: Path) -> None:
    every, whole = pd.read_parquet(prefixes), pd.read_parquet(sessions)
    assert list(every.columns) == ["query_id", "split", "vector"]
    assert every["query_id"].tolist() == corpus.strings("queries", "query_id").to_pylist()
    last = every.iloc[corpus.columns.session_queries[1:] - 1]
    assert last["split"].tolist() == whole["split"].tolist()
    for of_query, of_session in zip(last["vector"], whole["vector"], strict=True):
        assert of_query == pytest.approx(of_session, abs=1e-6)


def test_vectors_of_an_encoder_give_its_numbers_to_the_digit(corpus: Corpus, runs: Path, prefixes: Path) -> None:
    encoders = f"random,{prefixes}[name=ours]"
    ran = run(corpus, runs, "ctr", encoders, *FEW, "--keys")
    assert ran.code == 0, ran.err
    cells = {(row["encoder"], row["metric"]): row for row in ran.rows}
    assert {encoder for encoder, _ in cells} == {"vanilla", "random", "ours"}
    folders = {encoder: runs / "cells" / cells[encoder, "ndcg@10"]["key"].split()[0] for encoder in ("random", "ours")}
    scores = {encoder: pd.read_parquet(folder / "scores.parquet") for encoder, folder in folders.items()}
    assert scores["ours"]["seed"].unique().tolist() == [0], "the seed that the vectors are of"
    pd.testing.assert_frame_equal(scores["random"], scores["ours"], check_exact=True)

    again = run(corpus, runs, "ctr", encoders, *FEW)
    assert all(row["cached"] for row in again.rows), "a second run does no work"
    shown = bench_here("show", "transearch/ours/1", "--out", runs)
    assert f"{prefixes}[name=ours]" in shown.out, "and says how to repeat it"


def keys(corpus: Corpus, tmp_path: Path, file: Path, seeds: int = 2) -> dict[str, list[str]]:
    """Keys of the planned jobs by kind."""
    request = RunRequest("ctr", [f"{file}[name=ours]"], ["transearch"], [str(corpus.folder)], seeds, (), "cpu")
    found: dict[str, list[str]] = {}
    for cell in make_plan(request, registry(), Store(tmp_path)).cells:
        for job in cell.jobs if cell.encoder == "ours" else ():
            found.setdefault(job.kind, []).append(job.key)
    return found


def test_contents_make_the_key_and_not_the_place_nor_the_seed(corpus: Corpus, prefixes: Path, tmp_path: Path) -> None:
    before = keys(corpus, tmp_path, prefixes)
    assert len(set(before["embeddings"])) == 1, "one result for all seeds"
    assert len(set(before["cells"])) == 2, "the baseline has its seeds"
    moved = Path(shutil.copy(prefixes, tmp_path / "moved.parquet"))
    assert keys(corpus, tmp_path, moved) == before
    table = pq.read_table(moved)
    vectors = pd.Series(table["vector"].to_pylist()).map(lambda vector: [vector[0] + 1, *vector[1:]])
    changed = table.set_column(2, "vector", pa.array(vectors, pa.list_(pa.float32())))
    pq.write_table(changed, moved)
    assert not {*keys(corpus, tmp_path, moved)["cells"]} & {*before["cells"]}


def test_vectors_of_whole_sessions_are_for_tasks_about_whole_sessions(
    corpus: Corpus, runs: Path, sessions: Path
) -> None:
    for task in ("ctr", "suggest"):
        error = run(corpus, runs, task, str(sessions)).error
        assert "vectors by session_id are of whole sessions" in error
        assert "which a vector must not know" in error
        assert "bench embed --prefixes does" in error
    ran = run(corpus, runs, "intent", str(sessions), "--seeds", 1, "--set", "rounds=2", "--device", "cpu")
    assert ran.code == 0, ran.err
    assert {row["encoder"] for row in ran.rows} == {"vanilla", "sessions.parquet"}


def test_what_is_wrong_ends_before_anything_runs(
    corpus: Corpus, prefixes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = tmp_path / "few.parquet"
    pq.write_table(pq.read_table(prefixes).slice(40), few)
    shutil.copy(prefixes, tmp_path / "prefixes.parquet")
    for typed, message in (
        (f"{few}", "have no vector, such as 'q"),
        ("nowhere.parquet", "No such file"),
        (f"{prefixes}[steps=4]", "finished vectors have a name and no options"),
        (f"{prefixes}[name=ours", "lacks a closing bracket"),
        (f"{prefixes}[name=a b]", "is no name"),
        (f"{prefixes}[name=lstm]", "'lstm' is the name of an encoder"),
        (f"{prefixes},{tmp_path}/prefixes.parquet", "two encoders are called 'prefixes.parquet'"),
    ):
        assert message in run(corpus, tmp_path / "runs", "ctr", typed).error
    assert not (tmp_path / "runs" / "cells").exists()
    for command in (["pretrain"], ["embed", "--to", tmp_path / "x.parquet"]):
        error = bench_here(*command, "--encoder", prefixes, "--dataset", corpus.folder, "--out", tmp_path).error
        assert "its vectors are finished" in error


def test_an_experiment_file_names_them_as_tables_do(corpus: Corpus, prefixes: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f"""
title = "Ours"
seeds = 1
[labels]
ours = "Our own"
[[part]]
id = "a"
title = "t"
task = "ctr"
datasets = ["{corpus.folder}"]
baselines = ["transearch"]
encoders = ["lstm", "{prefixes}[name=ours]"]
metrics = ["ndcg@10"]
settings = {{ epochs = 1 }}
[[family]]
name = "f"
part = "a"
hypotheses = [{{ encoder = "ours", reference = "lstm" }}]
""")
    experiment = load_experiment(str(file), registry())
    plan = plan_experiment(experiment, registry(), Store(tmp_path))
    assert plan.experiment.parts[0].encoders == ("lstm", "ours")
    assert {cell.encoder for cell in plan.all_cells} == {"vanilla", "lstm", "ours"}
    assert ("ours", "lstm") in {(h.encoder, h.reference) for f in plan.experiment.families for h in f.hypotheses}
