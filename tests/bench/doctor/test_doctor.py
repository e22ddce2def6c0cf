"""What the doctor says of a machine is what the machine's files say, and what is broken ends with exit code 1."""

from __future__ import annotations

import os
from importlib.metadata import distribution
from pathlib import Path

import pytest
import torch
from command_line import bench_here

from bench.doctor.installation import needed
from bench.doctor.licences import licence_of, licences
from bench.doctor.machine import allowed_processors, free_memory
from bench.doctor.place import file_system


def written(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_processors_are_those_that_the_control_group_allows(tmp_path: Path) -> None:
    mine = len(os.sched_getaffinity(0))
    assert allowed_processors(tmp_path) == mine
    written(tmp_path / "cpu" / "cpu.cfs_quota_us", "25000\n")
    written(tmp_path / "cpu" / "cpu.cfs_period_us", "100000\n")
    assert allowed_processors(tmp_path) == 0.25
    written(tmp_path / "cpu.max", "50000 100000\n")  # the second version comes first
    assert allowed_processors(tmp_path) == 0.5
    written(tmp_path / "cpu.max", "max 100000\n")
    assert allowed_processors(tmp_path) == mine


def test_memory_is_what_the_machine_and_the_control_group_leave(tmp_path: Path) -> None:
    proc = written(tmp_path / "meminfo", "MemTotal:  100 kB\nMemAvailable:      64 kB\n")
    assert free_memory(tmp_path, proc) == 64 * 1024
    written(tmp_path / "memory.max", "5000\n")
    written(tmp_path / "memory.current", "2000\n")
    assert free_memory(tmp_path, proc) == 3000
    assert free_memory(tmp_path, tmp_path / "none") is None


def test_a_folder_is_on_the_innermost_file_system(tmp_path: Path) -> None:
    mounts = written(tmp_path / "mounts", "disk / ext4 rw 0 0\nserver:/x /data nfs4 rw 0 0\nd /data/own xfs rw 0 0\n")
    assert file_system(Path("/database"), mounts) == "ext4"
    assert file_system(Path("/data/runs"), mounts) == "nfs4"
    assert file_system(Path("/data/own/runs"), mounts) == "xfs"


def test_every_finding_says_what_to_do_and_json_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4096")
    monkeypatch.setenv("BENCH_KERNELS", "reference")
    ran = bench_here("doctor", "--out", tmp_path / "runs", "--json")
    assert ran.code == 0, ran.out
    areas = {row["area"] for row in ran.rows}
    assert areas >= {"versions", "extras", "plugins", "processors", "GPU", "memory", "compiled loops", "disk"}
    assert all(row["fix"] for row in ran.rows if row["state"] in ("warning", "broken"))
    warned = " ".join(row["what"] for row in ran.rows if row["area"] == "environment")
    assert "OMP_NUM_THREADS=4096" in warned
    assert "BENCH_KERNELS" in warned
    assert not (tmp_path / "runs").exists()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_hold_results_is_broken(tmp_path: Path) -> None:
    written(tmp_path / "file", "")
    ran = bench_here("doctor", "--out", tmp_path / "file")
    assert ran.code == 1
    assert "BROKEN  disk" in ran.out
    assert "choose another --out" in ran.out


def test_licences_are_those_of_all_libraries_that_are_needed() -> None:
    rows = {row["name"]: row for row in bench_here("doctor", "--licences", "--json").rows}
    assert rows["torch"]["version"] == distribution("torch").version
    assert {name.lower() for name in needed()[""]} <= {name.lower().replace("_", "-") for name in rows}
    assert "sympy" in rows  # torch's
    theirs = {"cuda-toolkit"} if torch.version.cuda else set()  # NVIDIA's, of a torch for GPUs
    assert [row for row in rows.values() if row["licence"] == "not stated" and row["name"] not in theirs] == []
    assert licence_of(distribution("session-bench")) == "Apache-2.0"
    assert {one.name for one in licences()} == set(rows)
