"""The same seed gives the same numbers: to the byte on one machine whatever the order of cells, the number of workers
and of threads; to the byte without AVX-512, too; to 1e-6 in every metric where a processor lacks AVX as well.

Instructions are masked for torch (``ATEN_CPU_CAPABILITY``), its oneDNN and MKL, numpy and numba, in processes of their
own; torch, numpy and numba are asked what they see.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command_line import bench_fork, bench_process, environment
from numpy._core._multiarray_umath import __cpu_dispatch__
from safetensors.numpy import load_file

from bench.runs.store import RECORDS, Record, Store

MADE = ["--dataset", "beauty", "--set", "sessions=400", "--set", "downstream=160"]
GRID = [*MADE, "--task", "ctr", "--baseline", "transearch,hscm", "--set", "epochs=2", "--set", "muvcog-m.steps=40"]
GRID += ["--set", "batch_size=32", "--device", "cpu", "--json"]
METRIC = 1e-6
"""What a mean of any metric may differ by."""
TRAINED = 1e-3
"""What a weight may differ by after 40 steps, relative to the largest of its tensor: rounding grows as one learns."""

NUMPY = tuple(__cpu_dispatch__)
"""What numpy has loops for beside those that every processor runs, by names that change with its version."""
AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",  # on Intel's processors
    "NPY_DISABLE_CPU_FEATURES": " ".join(name for name in NUMPY if name.startswith(("AVX512", "X86_V4"))),
}
NEITHER = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_CBWR": "COMPATIBLE",
    "NPY_DISABLE_CPU_FEATURES": " ".join(NUMPY),
}
SEEN = """
import json, torch
from numpy._core._multiarray_umath import __cpu_features__
from numba.core.registry import cpu_target
name, features = cpu_target.target_context.codegen().magic_tuple()[1:3]
names = [one[1:] for one in features.split(",") if one.startswith("+")]
numpys = [name for name, there in __cpu_features__.items() if there]
print(json.dumps({"torch": torch.backends.cpu.get_cpu_capability(), "numba": names, "numpy": numpys}))
"""


@dataclass(frozen=True)
class Results:
    """A folder of results."""

    root: Path

    def records(self) -> dict[tuple[str, str], Record]:
        """Every finished one, by kind and key."""
        store, found = Store(self.root), {}
        for kind in RECORDS:
            for folder in (self.root / kind).glob("*"):
                record = store.read(kind, folder.name)
                assert record is not None, folder
                assert record["status"] == "done", record
                found[kind, folder.name] = record
        return found

    def sums(self) -> dict[tuple[str, str], dict[str, str]]:
        """Checksums of what was computed."""
        return {
            name: {file: known["sha256"] for file, known in record["files"].items() if not file.endswith(".txt")}
            for name, record in self.records().items()
        }

    def file(self, name: tuple[str, str], file: str) -> Path:
        return Store(self.root).folder(*name) / file


def masked(features: tuple[str, ...], **variables: str) -> dict[str, str]:
    """Variables under which numba leaves out what begins like these features, too."""
    import llvmlite.binding as llvm

    host = llvm.get_host_cpu_features()
    kept = [f"{'+' if there and not name.startswith(features) else '-'}{name}" for name, there in host.items()]
    return {**variables, "NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": ",".join(kept)}


def run(out: Path, encoders: str, *words: str, **variables: str) -> Results:
    """Runs the grid; variables are read when libraries are imported, so that such a run takes a process of its own."""
    command = bench_process if variables else bench_fork
    ran = command("run", *GRID, "--encoder", encoders, "--seeds", "1", *words, "--out", out, **variables)
    assert ran.code == 0, ran
    return Results(out)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return run(tmp_path_factory.mktemp("plain"), "lstm,transformer,muvcog-m", "--jobs", "1")


@pytest.mark.slow
def test_order_workers_and_threads_change_no_byte(plain: Results, tmp_path: Path) -> None:
    """First one cell by itself, then the others, in another order, by two workers that see three threads."""
    run(tmp_path, "muvcog-m", "--jobs", "1", OMP_NUM_THREADS="3", MKL_NUM_THREADS="3")
    other = run(tmp_path, "muvcog-m,lstm,transformer", "--jobs", "2", OMP_NUM_THREADS="2", NUMBA_NUM_THREADS="2")
    assert len(plain.sums()) == 10, "a pretraining, its vectors, eight cells"
    assert other.sums() == plain.sums()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("capability", "variables", "features"),
    [("AVX2", AVX2, ("avx512", "avx10", "amx", "evex")), ("DEFAULT", NEITHER, ())],  # numba compiles all anew: 20 s
)
def test_masked_instructions_change_no_number(
    plain: Results, capability: str, variables: dict[str, str], features: tuple[str, ...], tmp_path: Path
) -> None:
    if {"AVX2": "avx512f", "DEFAULT": "avx2"}[capability] not in Path("/proc/cpuinfo").read_text().split():
        pytest.skip(f"this processor has nothing beyond {capability}")
    fewer = masked(features, **variables) if features else variables
    asked = subprocess.run([sys.executable, "-c", SEEN], env=environment(**fewer), capture_output=True, check=True)
    seen = json.loads(asked.stdout)
    assert seen["torch"] == capability
    assert not set(seen["numpy"]) & set(variables["NPY_DISABLE_CPU_FEATURES"].split())
    assert not features or not [name for name in seen["numba"] if name.startswith(features)]
    other = run(tmp_path, "lstm,transformer,muvcog-m", "--jobs", "1", **fewer)
    assert other.records().keys() == plain.records().keys()
    for name in plain.records():
        if features:
            assert other.sums()[name] == plain.sums()[name]
        else:
            _compare(plain, other, name)
        print(f"{capability}: {name[0]} moved by {_moved(plain, other, name):.1e} at most")  # pytest -s shows it


def _moved(plain: Results, other: Results, name: tuple[str, str]) -> float:
    """The largest difference of any weight, number of a vector, or score of a candidate."""
    files = {
        "encoders": ("encoder.safetensors", lambda file: np.concatenate([v.ravel() for v in load_file(file).values()])),
        "embeddings": ("vectors.npy", np.load),
        "cells": ("predictions.parquet", lambda file: pd.read_parquet(file)["score"].to_numpy()),
    }
    file, read = files[name[0]]
    one, two = (read(results.file(name, file)) for results in (plain, other))
    return float(np.abs(one - two).max())


def _compare(plain: Results, other: Results, name: tuple[str, str]) -> None:
    kind, _ = name
    if kind == "encoders":
        weights, others = (load_file(one.file(name, "encoder.safetensors")) for one in (plain, other))
        for part, value in weights.items():
            np.testing.assert_allclose(others[part], value, atol=TRAINED * float(np.abs(value).max()), rtol=0)
    if kind == "cells":
        means = [_means(one.file(name, "scores.parquet")) for one in (plain, other)]
        assert len(means[0]) >= 3
        assert means[0] == pytest.approx(means[1], abs=METRIC)


def _means(scores: Path) -> dict[str, Any]:
    means: dict[str, Any] = pd.read_parquet(scores).groupby("metric")["value"].mean().to_dict()
    return means


def test_a_number_that_moved_is_seen(tmp_path: Path) -> None:
    """What these tests compare is what would move."""
    for number, value in enumerate((0.5, 0.5 + 3 * METRIC)):
        rows = {"metric": ["ndcg@10"] * 2, "value": [0.5, 2 * value - 0.5]}
        pd.DataFrame(rows).to_parquet(tmp_path / f"{number}.parquet")
    one, other = (_means(tmp_path / f"{number}.parquet") for number in (0, 1))
    assert one != pytest.approx(other, abs=METRIC)
