"""``bench fsck`` says what is there, broken and needless, and changes nothing; ``bench gc`` frees the last alone."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import ForkedCommand, bench_here
from odd_encoders import install_odd_encoders
from small_corpora import random_corpus
from waiting import until

from bench.runs.inventory import KINDS
from bench.runs.store import Store, write_record

pytestmark = pytest.mark.slow

SMALL = ("--set", "sessions=200", "--set", "downstream=100", "--set", "shown=10", "--set", "epochs=1")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's results, a pretraining that no cell reads, and a corpus that no result names."""
    out = tmp_path_factory.mktemp("finished") / "runs"
    grid = ("--task", "ctr", "--baseline", "transearch", "--encoder", "random", "--seeds", 1, "--device", "cpu")
    assert bench_here("run", *grid, *SMALL, "--jobs", 1, "--out", out).code == 0
    alone = ("pretrain", "--encoder", "random", "--seed", 7, "--device", "cpu", "--out", out)
    assert bench_here(*alone, *SMALL[:-2]).code == 0
    assert bench_here("data", "make", "clothes", *SMALL[:-2], "--out", out).code == 0
    return out


@pytest.fixture
def runs(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "runs")


def everything(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def needless(runs: Path) -> list[tuple[str, str]]:
    rows = bench_here("fsck", "--out", runs, "--json").rows
    return sorted((row["kind"], row["needless"]) for row in rows if row["needless"])


def dead_process() -> int:
    ended = subprocess.Popen(["true"])
    ended.wait()
    return ended.pid


def test_a_sound_store_is_told_by_kind_and_left_as_it_is(runs: Path) -> None:
    before = everything(runs)
    ran = bench_here("fsck", "--out", runs)
    assert ran.code == 0, ran
    assert f"0 broken; bench gc --also encoders,corpora --out {runs} frees 1 encoder (" in ran.out.replace("\n", " ")
    assert all(kind in ran.out for kind in ("cells", "encoders", "embeddings", "corpora"))
    rows = bench_here("fsck", "--out", runs, "--json").rows
    assert {row["kind"] for row in rows} == {"cells", "encoders", "embeddings", "corpora"}
    assert sum(row["bytes"] for row in rows) == sum(map(len, before.values()))
    assert needless(runs) == [("corpora", "corpora"), ("encoders", "encoders")], "what cells read is not among them"
    assert everything(runs) == before


def test_what_is_broken_is_named_and_what_the_next_run_does(runs: Path) -> None:
    scores, matrix = next(runs.glob("cells/*/scores.parquet")), next(runs.glob("corpora/beauty-*/image_vectors.npy"))
    for file in (scores, matrix):
        before, whole = file.stat(), bytearray(file.read_bytes())
        whole[len(whole) // 2] ^= 1
        file.write_bytes(whole)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    before = everything(runs)
    ran = bench_here("fsck", "--out", runs)
    assert ran.code == 1
    assert f"{scores.parent}: scores.parquet is not as it was written" in ran.out
    assert f"{matrix.parent}: image_vectors.npy is gone, or not as it was written" in ran.out
    assert "2 broken" in ran.out
    assert everything(runs) == before, "nothing is mended, and nothing set aside"


def test_gc_says_first_and_frees_what_is_asked_for_and_nothing_else(runs: Path, tmp_path: Path) -> None:
    outside = tmp_path / "mine"
    outside.mkdir()
    (runs / "cells" / "linked.broken-1").symlink_to(outside)
    (runs / "notes").mkdir()
    (runs / "notes" / "x.broken-1").write_text("mine")
    (runs / "tables.broken-1").mkdir()
    dead, node = dead_process(), platform.node()
    kept = [f"a.writing-{os.getpid()}@{node}", f"a.writing-{dead}@elsewhere", "linked.broken-1"]
    for name in (f"a.writing-{dead}@{node}", "a.broken-1", *kept[:2]):
        (runs / "cells" / name).mkdir()
        (runs / "cells" / name / "file").write_bytes(b"x" * 1000)
    done = next(path for path in (runs / "encoders").iterdir())
    (runs / "checkpoints").mkdir()
    (runs / "checkpoints" / f"{done.name}.safetensors.broken-1").write_bytes(b"")
    old = tmp_path / "old"
    shutil.copytree(runs / "cells", old, symlinks=True)
    before = everything(runs)

    said = bench_here("gc", "--out", runs)
    assert said.code == 0, said
    assert "3 things, 2.0 kB would be freed: --yes does" in said.out
    assert everything(runs) == before
    assert bench_here("gc", "--out", runs, "--yes").code == 0
    gone = set(before) - set(everything(runs))
    assert {name.split("/")[1] for name in gone} == {
        f"a.writing-{dead}@{node}",
        "a.broken-1",
        f"{done.name}.safetensors.broken-1",
    }
    assert all((runs / "cells" / name).exists() for name in kept)
    assert outside.is_dir()
    assert (runs / "notes" / "x.broken-1").exists()

    assert "did you mean encoders?" in bench_here("gc", "--out", runs, "--also", "encodrs").error
    freed = bench_here("gc", "--out", runs, "--also", "encoders,corpora,embeddings", "--yes", "--json").rows
    assert sorted(row["kind"] for row in freed) == ["corpora", "encoders"]
    assert not any(Path(row["path"]).exists() for row in freed)
    assert needless(runs) == []
    grid = ("--task", "ctr", "--baseline", "transearch", "--encoder", "random", "--seeds", 1, "--device", "cpu")
    assert "2 cells, 0 computed now" in bench_here("run", *grid, *SMALL, "--out", runs, "--json").err


def test_results_of_other_sources_are_told_apart_and_never_counted_as_broken(runs: Path) -> None:
    cell = next(path for path in (runs / "cells").iterdir())
    record = json.loads((cell / "cell.json").read_text())
    record["config"]["harness"] = "of last week"
    store, key = Store(runs), "0" * 16
    with store.publish("cells", key) as folder:
        write_record(folder, "cells", {**record, "key": key})
    ran = bench_here("fsck", "--out", runs)
    assert ran.code == 0
    assert "1 outdated" in ran.out.replace("\n", " ")
    assert ("cells", "outdated") in needless(runs)
    assert bench_here("gc", "--out", runs, "--yes").code == 0
    assert store.folder("cells", key).exists(), "only where it is asked for"
    assert bench_here("gc", "--out", runs, "--also", "outdated", "--yes").code == 0
    assert not store.folder("cells", key).exists()
    assert cell.exists()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Path, Path, ForkedCommand]]:
    """A run whose last pretraining sleeps until a file is there: its store, that file, the process."""
    corpus = random_corpus(tmp_path / "corpus", sessions=30).folder
    plugins, marks, runs = install_odd_encoders(tmp_path / "plugins"), tmp_path / "marks", tmp_path / "runs"
    marks.mkdir()
    command = ["run", "--task", "ctr", "--encoder", "sleeps", "--dataset", corpus, "--seeds", 1, "--out", runs]
    command += ["--baseline", "transearch", "--set", "epochs=1", "--set", f"folder={marks}", "--jobs", 1]
    run = ForkedCommand(["bench", *map(str, command)], [plugins])
    until((marks / "started").exists)
    yield runs, marks / "go", run
    run.kill()


def test_a_gc_beside_a_run_takes_nothing_from_it(running: tuple[Path, Path, ForkedCommand]) -> None:
    runs, go, run = running
    assert list(runs.glob("encoders/*.writing-*")), "under way"
    store, key = Store(runs), "0" * 16  # what a plan may count on: to fsck it looks needless
    with store.publish("encoders", key) as folder:
        write_record(folder, "encoders", {"key": key, "status": "done", "config": {}})
    (runs / "cells").mkdir(exist_ok=True)
    (runs / "cells" / "a.broken-1").mkdir()
    ran = bench_here("gc", "--out", runs, "--also", "encoders,embeddings,corpora,outdated", "--yes")
    assert ran.code == 0, ran
    assert "1 thing, " in ran.out
    assert f"1 more are left alone while another process uses {runs}" in ran.out
    assert store.folder("encoders", key).exists()
    go.touch()
    ran = run.ended()
    assert ran.code == 0, ran.err
    assert "set aside" not in ran.err
    ran = bench_here("gc", "--out", runs, "--also", "outdated", "--yes")
    assert not store.folder("encoders", key).exists(), "nobody uses it any more"
    assert {path.parent.name for path in runs.glob("*/*") if "." in path.name} == set()


def test_a_folder_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    assert "no such folder" in bench_here("fsck", "--out", tmp_path / "runs").error
    assert "no such folder" in bench_here("gc", "--out", tmp_path / "runs").error
    (tmp_path / "empty").mkdir()
    assert bench_here("fsck", "--out", tmp_path / "empty").code == 0
    assert bench_here("gc", "--out", tmp_path / "empty").out == "nothing to free\n"
    assert set(KINDS) >= {"cells", "embeddings", "encoders", "corpora", "checkpoints", "trajectories"}
