"""What needs no cluster: fetching what arrives damaged or not at all, and what jobs ask for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_corpora import random_corpus

from bench.data.corpus import Corpus
from bench.errors import BenchError
from bench.plugins.registry import registry
from bench.runs.engines.ray import desk
from bench.runs.engines.ray.desk import Desk
from bench.runs.engines.ray.fetching import fetch, node_folder
from bench.runs.engines.ray.node import difference
from bench.runs.engines.ray.resources import Resources
from bench.runs.jobs import Job
from bench.runs.plan import RunRequest, make_plan
from bench.runs.store import Store, write_record

GIB = 1 << 30


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("corpora") / "small", sessions=30)


@pytest.fixture(scope="module")
def job(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Job:
    request = RunRequest("ctr", ["vanilla"], ["transearch"], [str(corpus.folder)], 1, (), "cpu")
    return make_plan(request, registry(), Store(tmp_path_factory.mktemp("plan"))).jobs[0]


def test_a_folder_is_fetched_once_in_pieces_and_is_the_same(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "PIECE", 1000)
    here, asked = Desk(), list[tuple[str, int]]()

    def piece(file: str, start: int) -> bytes:
        asked.append((file, start))
        return here.piece(file, start)

    there = fetch(str(corpus.folder), tmp_path / "there", here.offer, piece)
    assert Corpus(there).info.fingerprint == corpus.info.fingerprint
    Corpus(there).check()
    assert max(start for _, start in asked) >= 1000
    before = len(asked)
    assert fetch(str(corpus.folder), there, here.offer, piece) == there
    assert len(asked) == before


@pytest.mark.parametrize("damage", [lambda text: text[:-1], lambda text: b"x" + text[1:]], ids=["short", "other"])
def test_what_arrives_damaged_is_not_kept(damage: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "numbers").write_bytes(b"1234567")
    here, sent = Desk(), list[bytes]()

    def piece(file: str, start: int) -> bytes:
        sent.append(damage(here.piece(file, start)) if start == 0 else b"")
        return sent[-1]

    with pytest.raises(BenchError, match="did not arrive as it was sent"):
        fetch(str(source), tmp_path / "there", here.offer, piece)
    assert [place.name for place in tmp_path.iterdir()] == ["source"]


def test_a_file_is_fetched_into_a_folder(tmp_path: Path) -> None:
    (tmp_path / "ours.parquet").write_bytes(b"vectors")
    here = Desk()
    there = fetch(str(tmp_path / "ours.parquet"), tmp_path / "there", here.offer, here.piece)
    assert (there / "ours.parquet").read_bytes() == b"vectors"


def test_the_folder_of_a_node_is_ours_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = node_folder("1a2b")
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    folder.parent.rename(tmp_path / "elsewhere")
    folder.parent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BenchError, match="belongs to somebody else"):
        node_folder("1a2b")


def test_what_a_node_has_otherwise_is_named(job: Job) -> None:
    assert difference(job) == ""
    other = {**job.config["libraries"], "torch": "1.0"}
    assert difference(replace(job, config={**job.config, "libraries": other})).startswith("torch is ")
    assert difference(replace(job, config={**job.config, "harness": "0"})) == "bench is another"
    baseline = {**job.config["baseline"], "source": "0"}
    assert difference(replace(job, config={**job.config, "baseline": baseline})) == "transearch is another"


def test_a_job_asks_for_what_its_like_has_taken(job: Job, tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert Resources(store, 16 * GIB, 1.0, None).of(job) == {"num_cpus": 1}
    assert Resources(store, 16 * GIB, 1.0, 3 * GIB).of(job) == {"num_cpus": 1, "memory": 3 * GIB}
    with store.publish(job.kind, job.key) as folder:
        write_record(folder, job.kind, {"status": "done", "config": job.config, "peak_memory": 2 * GIB})
    assert Resources(store, 16 * GIB, 1.0, 3 * GIB).of(job)["memory"] == 2.5 * GIB  # a fifth more, in steps
    assert Resources(store, GIB, 1.0, None).of(job)["memory"] == GIB  # more would wait for ever
    seed = replace(job, key="0", config={**job.config, "seed": 7})
    assert Resources(store, 16 * GIB, 1.0, None).of(seed)["memory"] == 2.5 * GIB
    other = replace(job, config={**job.config, "device": "cuda"})
    assert Resources(store, 16 * GIB, 0.25, None).of(other) == {"num_cpus": 1, "num_gpus": 0.25}
