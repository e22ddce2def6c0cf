"""The Ray engine on two nodes of one CPU: results are those of the local engine, and a lost node loses nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import BENCH, Ran, bench_here, bench_process, environment
from noisy_encoders import install_noisy_encoder
from odd_encoders import install_odd_encoders
from safetensors.torch import load_file
from small_corpora import random_corpus
from third_party import install_encoder
from waiting import until

from bench.data.corpus import Corpus
from bench.runs.engines.ray.fetching import node_folder
from bench.runs.store import RECORDS, Record, Store

ray_cluster = pytest.importorskip("ray.cluster_utils")


@dataclass
class Nodes:
    """A cluster, its plugins, and a corpus to run on."""

    cluster: Any
    corpus: Corpus
    plugins: list[Path]

    def command(self, out: Path, *words: object) -> list[str]:
        """A run on this cluster."""
        return [*_run(self.corpus, out, *words), "--engine", "ray", "--address", self.cluster.address]

    def living(self) -> list[str]:
        """Ids of the nodes that live."""
        return [node.node_id for node in self.cluster.list_all_nodes()]


def listen_to_ctrl_c() -> None:
    """As at a terminal, even where these tests were started in the background, which hands on a deaf ear."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    root = tmp_path_factory.mktemp("ray")
    plugins = [install_odd_encoders(root / "odd"), install_noisy_encoder(root / "noisy")]
    with pytest.MonkeyPatch.context() as patched:
        for name, value in environment(plugins, RAY_USAGE_STATS_ENABLED="0").items():
            patched.setenv(name, value)
        one = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}
        cluster = ray_cluster.Cluster(initialize_head=True, head_node_args=one)
        cluster.add_node(num_cpus=1, object_store_memory=100 << 20)
        try:
            yield Nodes(cluster, random_corpus(root / "small", sessions=30), plugins)
        finally:
            cluster.shutdown()


def _run(corpus: Corpus, out: Path, *words: object) -> list[str]:
    request = ["run", "--task", "ctr", "--dataset", corpus.folder, "--set", "epochs=1", "--device", "cpu"]
    return [str(word) for word in (*request, *words, "--out", out, "--json")]


def _records(root: Path) -> dict[tuple[str, str], Record]:
    """Every result in a folder, looked at with its checksums."""
    store, found = Store(root), {}
    for kind in RECORDS:
        for folder in (root / kind).glob("*"):
            record = store.read(kind, folder.name)
            assert record is not None, folder
            found[kind, folder.name] = record
    return found


def _processes(marked: str) -> list[int]:
    """Processes whose environment has a variable with this text."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if marked.encode() in (place / "environ").read_bytes():
                found.append(int(place.name))
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_two_nodes_give_what_the_local_engine_gives(nodes: Nodes, tmp_path: Path) -> None:
    """Keys, numbers to the bit, failures and their reasons; the second node fetched the corpus, and left nothing."""
    words = ["--encoder", "meanpool,raises,dies", "--baseline", "transearch", "--seeds", "1"]
    here = bench_process(*_run(nodes.corpus, tmp_path / "local", *words), plugins=nodes.plugins)
    there = bench_process(*nodes.command(tmp_path / "ray", *words), plugins=nodes.plugins)
    assert here.code == there.code == 1, (here, there)  # two encoders fail
    assert [row | {"commit": ""} for row in here.rows] == [row | {"commit": ""} for row in there.rows]
    local, remote = _records(tmp_path / "local"), _records(tmp_path / "ray")
    assert local.keys() == remote.keys()
    for name, record in local.items():
        other = remote[name]
        assert (other["status"], other["config"]) == (record["status"], record["config"])
        assert other["warnings"] == record["warnings"] if "warnings" in record else "warnings" not in other
        assert other.get("error", "").partition(", on ")[0] == record.get("error", "").partition(", on ")[0]
        for file in ("scores.parquet", "predictions.parquet", "vectors.npy", "encoder.safetensors"):
            sums = [one["files"].get(file, {}).get("sha256") for one in (record, other)]
            assert sums[0] == sums[1], (name, file)
        if record["status"] == "done":
            assert other["provenance"]["corpus_folder"] == str(nodes.corpus.folder)
            assert 50 << 20 < other["peak_memory"] < 20 << 30
    second = next(folder for node in nodes.living() if (folder := node_folder(node)).exists())
    assert [place.name for place in (second / "corpora").iterdir()] == [nodes.corpus.info.fingerprint]
    assert not list((second / "cells").glob("*"))
    _is_quiet(there)


def _is_quiet(ran: Ran) -> None:
    """Ray itself says nothing: every line is one of ours."""
    for line in ran.err.splitlines():
        assert (
            line.startswith(("[", "FAILED", "making", "pretrain", "Note", "Warning"))
            or "cells" in line
            or "warns" in line
        ), line


@pytest.mark.slow
def test_two_nodes_share_a_pretraining_and_learn_what_one_process_learns(nodes: Nodes, tmp_path: Path) -> None:
    words = ["pretrain", "--encoder", "muvcog-m", "--dataset", nodes.corpus.folder, "--device", "cpu", "--json"]
    words += ["--set", "steps=12", "--set", "batch_size=9", "--set", "validate_every=6", "--out"]
    alone = bench_process(*words, tmp_path / "alone", plugins=nodes.plugins)
    two = ["--engine", "ray", "--address", nodes.cluster.address, "--processes", "2"]
    shared = bench_process(*words, tmp_path / "shared", *two, plugins=nodes.plugins)
    assert alone.code == shared.code == 0, (alone, shared)
    assert shared.rows[0]["key"] == alone.rows[0]["key"], "the number of processes changes nothing that is learnt"
    (name, one), (_, other) = *_records(tmp_path / "alone").items(), *_records(tmp_path / "shared").items()
    assert other["provenance"]["processes"] == 2
    assert "processes" not in one["provenance"]
    weights = [load_file(Path(row["folder"]) / "encoder.safetensors") for row in (*alone.rows, *shared.rows)]
    for part, value in weights[0].items():
        torch.testing.assert_close(weights[1][part], value, rtol=1e-3, atol=1e-5, msg=lambda m, n=part: f"{n}: {m}")
    _is_quiet(shared)
    more = bench_process(*words, tmp_path / "more", *two[:-1], "3", plugins=nodes.plugins)
    assert (more.code, name[0]) == (2, "encoders")
    assert "3 processes want a CPU each, the cluster has 2" in more.err


@pytest.mark.slow
def test_a_node_with_other_sources_computes_nothing(nodes: Nodes, tmp_path: Path) -> None:
    """The driver has a plugin that the cluster has not: a number of its key must not come from there."""
    plugins = [*nodes.plugins, install_encoder(tmp_path / "theirs")]
    words = ["--encoder", "counts", "--baseline", "transearch", "--seeds", "1"]
    ran = bench_process(*nodes.command(tmp_path / "out", *words), plugins=plugins)
    assert ran.code == 2
    assert "counts is another on this node than where the command runs" in ran.err.splitlines()[-1]
    assert "Traceback" not in ran.err


@pytest.mark.slow
def test_a_node_that_is_killed_loses_nothing_and_nothing_is_done_twice(nodes: Nodes, tmp_path: Path) -> None:
    began = tmp_path / "began"
    words = ["--encoder", "noisy", "--baseline", "transearch", "--seeds", "3"]
    settings = ["--set", "noisy.seconds=4", "--set", f"noisy.folder={tmp_path}"]
    command = nodes.command(tmp_path / "out", *words, *settings)
    driver = subprocess.Popen([BENCH, *command], env=environment(nodes.plugins), stdout=-1, stderr=-1, text=True)
    until(lambda: began.exists() and len(began.read_text().splitlines()) >= 2)  # both nodes are at work
    pids = began.read_text().split()
    nodes.cluster.remove_node(nodes.cluster.worker_nodes.copy().pop(), allow_graceful=False)
    out, said = driver.communicate(timeout=120)
    assert driver.returncode == 0, said
    assert json.loads(out), "nothing of Ray's stands between it"
    records = _records(tmp_path / "out")
    assert Counter(kind for kind, _ in records) == {"encoders": 3, "embeddings": 3, "cells": 6}
    assert {record["status"] for record in records.values()} == {"done"}
    ended = Counter(line.rpartition("] ")[2] for line in said.splitlines() if line.endswith(": done"))
    assert len(ended) == 12
    assert set(ended.values()) == {1}
    # three pretrainings, and again the one that was lost; on a slow machine it may have come home before
    assert len(began.read_text().splitlines()) in (3, 4)
    until(lambda: not any(Path("/proc", pid).exists() for pid in pids))
    assert not list((tmp_path / "out").glob("*/*.writing-*"))


@pytest.mark.slow
def test_ctrl_c_leaves_no_process(nodes: Nodes, tmp_path: Path) -> None:
    """Neither of a cluster that was started on the spot nor of its jobs."""
    words = ["--encoder", "sleeps", "--baseline", "transearch", "--seeds", "1", "--set", f"sleeps.folder={tmp_path}"]
    command = [BENCH, *_run(nodes.corpus, tmp_path / "out", *words, "--engine", "ray", "--jobs", "2")]
    marked = environment(nodes.plugins, BENCH_TEST_MARK=str(tmp_path))
    driver = subprocess.Popen(
        command, env=marked, stdout=-3, stderr=-1, text=True, start_new_session=True, preexec_fn=listen_to_ctrl_c
    )
    until((tmp_path / "started").exists)
    assert len(_processes(str(tmp_path))) > 3  # it, Ray's, and the worker
    os.killpg(driver.pid, signal.SIGINT)  # as a terminal does: to the whole group
    _, said = driver.communicate(timeout=60)
    assert driver.returncode == 130
    assert "Traceback" not in said
    until(lambda: not _processes(str(tmp_path)))


@pytest.mark.slow
def test_a_lost_cluster_is_one_line(nodes: Nodes, tmp_path: Path) -> None:
    """What passes messages to the command is killed, as by a system that is short of memory."""
    words = ["--encoder", "sleeps", "--baseline", "transearch", "--seeds", "1", "--set", f"sleeps.folder={tmp_path}"]
    command = [BENCH, *_run(nodes.corpus, tmp_path / "out", *words, "--engine", "ray", "--jobs", "2")]
    marked = environment(nodes.plugins, BENCH_TEST_MARK=str(tmp_path))
    driver = subprocess.Popen(command, env=marked, stdout=-1, stderr=-1, text=True)
    until((tmp_path / "started").exists)
    (desk,) = [pid for pid in _processes(str(tmp_path)) if b"ray::Desk" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(desk, signal.SIGKILL)
    out, said = driver.communicate(timeout=60)
    assert driver.returncode == 2
    assert not out, "Ray would have said there that a worker died"
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("bench: --engine ray: the cluster is lost: The actor died")
    until(lambda: not _processes(str(tmp_path)))


def test_without_ray_it_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    ran = bench_here("run", "--task", "ctr", "--encoder", "meanpool", "--engine", "ray", "--out", tmp_path)
    assert "Ray is not installed; --engine ray" in ran.error or "pip install 'session-bench[ray]'" in ran.error


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--engine", "rey"], "no engine is called 'rey'"),
        (["--address", "auto"], "the local engine has no address"),
        (["--engine", "ray", "--address", "ray://head:10001"], "ray job submit"),
    ],
)
def test_what_is_no_engine_is_one_line(words: list[str], why: str, tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "small", sessions=30)
    assert why in bench_here(*_run(corpus, tmp_path / "out", "--encoder", "meanpool", *words)).error
