"""``bench new-plugin`` end to end: what it writes is built and installed, passes its own tests, and runs in a cell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command_line import bench_here, bench_process, environment

from bench.golden.compare import read_all

pytestmark = pytest.mark.slow  # builds wheels, imports torch in new processes

RUNS = {
    "encoder": ["--task", "ctr", "--baseline", "transearch", "--encoder", "their-own"],
    "baseline": ["--task", "ctr", "--baseline", "their-own", "--encoder", "meanpool"],
    "task": ["--task", "their-own", "--encoder", "meanpool"],
    "dataset": ["--task", "ctr", "--baseline", "transearch", "--encoder", "meanpool", "--dataset", "their-own"],
}


@pytest.mark.parametrize("kind", RUNS)
def test_a_new_plugin_works_as_it_is(tmp_path: Path, kind: str) -> None:
    folder, site = tmp_path / "their-own", tmp_path / "site"
    made = bench_here("new-plugin", "their-own", "--kind", kind, "--to", folder)
    assert made.code == 0, made.err
    assert f"{folder / 'pyproject.toml'}" in made.out
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", site, folder], check=True, capture_output=True, timeout=120)

    listed = [row for row in bench_process("plugins", "--json", plugins=[site]).rows if row["name"] == "their-own"]
    assert [(row["kind"], row["origin"], row["status"]) for row in listed] == [(kind, "their-own", "ok")]

    pytest_of_theirs = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder]
    tested = subprocess.run(pytest_of_theirs, cwd=folder, env=environment([site]), capture_output=True, text=True)
    assert tested.returncode == 0, tested.stdout
    assert " passed" in tested.stdout

    sizes = [] if kind == "dataset" else ["--set", "sessions=150", "--set", "downstream=80"]
    budget = [] if kind == "task" else ["--set", "epochs=1"]
    command = ["run", *RUNS[kind], "--seeds", 1, "--jobs", 1, *sizes, *budget, "--out", tmp_path / "runs", "--json"]
    ran = bench_process(*command, plugins=[site])
    assert ran.code == 0, ran.err
    assert {row["status"] for row in ran.rows} == {"done"}
    assert any("their-own" in (row["task"], row["dataset"], row["baseline"], row["encoder"]) for row in ran.rows)


def test_its_gate_runs(tmp_path: Path) -> None:
    site, golden = tmp_path / "site", tmp_path / "their-own" / "golden"
    bench_here("new-plugin", "their-own", "--kind", "dataset", "--to", tmp_path / "their-own")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", site, golden.parent], check=True, capture_output=True, timeout=120)
    ran = bench_process("check", golden, "--update", "--jobs", 1, plugins=[site])
    assert ran.code == 0, ran.err
    (table,) = read_all(golden).values()
    assert {(row, column) for _, row, column in table.numbers} == {
        (f"transearch / {encoder}", metric)
        for encoder in ("vanilla", "lstm")
        for metric in ("ndcg@10", "hr@10", "mrr@10")
    }


def test_json_names_every_file_that_was_written(tmp_path: Path) -> None:
    rows = bench_here("new-plugin", "their-own", "--to", tmp_path / "x", "--json").rows
    assert {Path(row["file"]) for row in rows} == {file for file in (tmp_path / "x").rglob("*") if file.is_file()}


def test_errors_are_one_line(tmp_path: Path) -> None:
    assert "the encoder 'lstm' exists" in bench_here("new-plugin", "lstm", "--to", tmp_path / "x").error
    assert "is there already" in bench_here("new-plugin", "their-own", "--to", tmp_path).error
