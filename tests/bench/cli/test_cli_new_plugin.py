"""``bench new-plugin`` end to end: what it writes is built and installed, passes its own tests, and runs in a cell."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import bench_fork, bench_here, run_fork

from bench.golden.compare import read_all

pytestmark = pytest.mark.slow  # builds wheels


@dataclass(frozen=True)
class Installed:
    """A new plugin: its kind, its folder, and where it is installed."""

    kind: str
    folder: Path
    site: Path


RUNS = {
    "encoder": ["--task", "ctr", "--baseline", "transearch", "--encoder", "their-own"],
    "baseline": ["--task", "ctr", "--baseline", "their-own", "--encoder", "meanpool"],
    "task": ["--task", "their-own", "--encoder", "meanpool"],
    "dataset": ["--task", "ctr", "--baseline", "transearch", "--encoder", "meanpool", "--dataset", "their-own"],
}


@pytest.fixture(scope="module", params=RUNS)
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A plugin of each kind, as it is written, built and installed by pip."""
    root = tmp_path_factory.mktemp(request.param)
    new = Installed(request.param, root / "their-own", root / "site")
    made = bench_here("new-plugin", "their-own", "--kind", new.kind, "--to", new.folder)
    assert made.code == 0, made.err
    assert f"{new.folder / 'pyproject.toml'}" in made.out
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", new.site, new.folder], check=True, capture_output=True, timeout=120)
    return new


def test_a_new_plugin_works_as_it_is(installed: Installed, tmp_path: Path) -> None:
    kind, folder, site = installed.kind, installed.folder, installed.site
    listed = [row for row in bench_fork("plugins", "--json", plugins=[site]).rows if row["name"] == "their-own"]
    assert [(row["kind"], row["origin"], row["status"]) for row in listed] == [(kind, "their-own", "ok")]

    tested = run_fork(["pytest", "-q", "-p", "no:cacheprovider", str(folder)], [site], cwd=folder)
    assert tested.code == 0, tested.out
    assert " passed" in tested.out

    sizes = [] if kind == "dataset" else ["--set", "sessions=150", "--set", "downstream=80"]
    budget = [] if kind == "task" else ["--set", "epochs=1"]
    command = ["run", *RUNS[kind], "--seeds", 1, "--jobs", 1, *sizes, *budget, "--out", tmp_path / "runs", "--json"]
    ran = bench_fork(*command, plugins=[site])
    assert ran.code == 0, ran.err
    assert {row["status"] for row in ran.rows} == {"done"}
    assert any("their-own" in (row["task"], row["dataset"], row["baseline"], row["encoder"]) for row in ran.rows)


@pytest.mark.parametrize("installed", ["dataset"], indirect=True)
def test_its_gate_runs(installed: Installed) -> None:
    golden = installed.folder / "golden"
    ran = bench_fork("check", golden, "--update", "--jobs", 1, plugins=[installed.site])
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
