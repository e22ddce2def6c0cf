"""A plugin that does what none should fails alone, its record says why, and nothing of it stays behind."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import forked_workers
from odd_encoders import install_odd_encoders
from small_corpora import random_corpus

from bench.errors import BenchError
from bench.plugins.registry import Registry
from bench.runs.engines.limits import bytes_of, memory_of, written_bytes
from bench.runs.engines.local import run_jobs
from bench.runs.jobs import Job
from bench.runs.plan import RunRequest, make_plan, missing_jobs
from bench.runs.store import Record, Store

WHY = {
    "mute": "MuteError: an error that cannot say what it is",
    "exits": "SystemExit: 3",
    "quits": "the worker process ended with exit code 3",
    "interrupts": "KeyboardInterrupt: ",
    "eats": "took more memory than --cell-memory 1.5 GB: ",
    "nan": "Nan: 98 of 98 session vectors hold NaN or infinity",
    "wide": "Wide: returned ",
    "narrow": "Narrow: returned 1 × 1 for ",
    "whole": "Whole: returned torch.int64, not a floating type",
    "lists": "Lists: returned list, not a tensor",
}
"""What the record of each misbehaving encoder begins with."""


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder = install_odd_encoders(tmp_path_factory.mktemp("plugins"))
    with pytest.MonkeyPatch.context() as patched, forked_workers():
        patched.syspath_prepend(folder)  # workers are told
        yield Registry()


@pytest.mark.slow  # worker processes, three of which die
def test_each_fails_alone_and_says_why(plugins: Registry, tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "small", sessions=30)
    settings = ["epochs=1", f"forks.folder={tmp_path}"]
    encoders = [*WHY, "forks"]
    store = Store(tmp_path / "runs")
    plan = make_plan(
        RunRequest("ctr", encoders, ["transearch"], [str(corpus.folder)], 1, settings, "cpu"), plugins, store
    )
    run_jobs(missing_jobs(plan.jobs, store), store, 2, memory=bytes_of("1.5GB", "here"))

    first = {cell.encoder: [record_of(store, job) for job in cell.jobs] for cell in plan.cells}
    for encoder in ("vanilla", "forks"):
        assert [record["status"] for record in first[encoder]] == ["done"] * len(first[encoder]), encoder
    for encoder, why in WHY.items():
        reasons = [record["error"] for record in first[encoder] if record["status"] == "failed"]
        assert reasons, encoder
        assert reasons[0].startswith(why), encoder
        assert first[encoder][-1]["status"] == "failed"
        assert all(reason.isprintable() for reason in reasons)
    assert any("half \\ud800 of a pair \\u001b[2J" in line for record in first["lists"] for line in record["warnings"])

    child = int((tmp_path / "child").read_text())
    for _ in range(50):  # its parent is gone, so that whoever adopts it has to take note
        if not is_running(child):
            break
        time.sleep(0.1)
    assert not is_running(child), "a process that a job started is left"


def record_of(store: Store, job: Job) -> Record:
    record = store.read(job.kind, job.key)
    assert record is not None
    return record


def is_running(process: int) -> bool:
    try:
        return Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("text", "size"),
    [("4GB", 4_000_000_000), ("512MiB", 512 << 20), ("1.5 g", 1_500_000_000), ("400000000", 4 * 10**8)],
)
def test_sizes(text: str, size: int) -> None:
    assert bytes_of(text, "--cell-memory") == size


@pytest.mark.parametrize(
    "text", ["", "much", "-4GB", "0", "nan", "1", "255MiB", "1e9GB", "9" * 40 + "TB", "4GB\x1b[2J"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(BenchError, match="--cell-memory: ") as refused:
        bytes_of(text, "--cell-memory")
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(("workers", "timeout"), [(0, None), (-1, None), (10**9, None), (1, float("nan")), (1, 0.0)])
def test_absurd_limits_are_refused(workers: int, timeout: float | None, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"--jobs|--cell-timeout"):
        run_jobs([], Store(tmp_path), workers, timeout=timeout)


def test_memory_counts_what_is_taken_and_no_mapped_file(tmp_path: Path) -> None:
    before = memory_of(os.getpid())
    taken = b"x" * 200_000_000
    assert 150_000_000 < memory_of(os.getpid()) - before < 300_000_000
    del taken
    assert memory_of(2**22 + 1) == 0
    assert [written_bytes(size) for size in (4_100_000_000, 300_000_000)] == ["4.1 GB", "300 MB"]
