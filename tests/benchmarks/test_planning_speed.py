"""A grid of 10,000 cells: planned, looked up and scheduled; each record is read once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from small_corpora import random_corpus

from bench.plugins.registry import registry
from bench.runs.claims import Claims
from bench.runs.engines.schedule import Schedule
from bench.runs.jobs import Job
from bench.runs.plan import Plan, RunRequest, make_plan, missing_jobs
from bench.runs.store import Store, write_record

pytestmark = pytest.mark.slow

SEEDS = 1000
ENCODERS = ("lstm", "muvcog-m", "muvcog-t", "random", "meanpool")
BASELINES = ("transearch", "alstp")


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> RunRequest:
    corpus = random_corpus(tmp_path_factory.mktemp("corpora") / "small", sessions=20)
    return RunRequest("ctr", ENCODERS, BASELINES, [str(corpus.folder)], SEEDS, device="cpu")


@pytest.fixture(scope="module")
def plan(request_: RunRequest, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return make_plan(request_, registry(), Store(tmp_path_factory.mktemp("runs")))


def test_planning(benchmark: BenchmarkFixture, request_: RunRequest, tmp_path: Path) -> None:
    made = benchmark.pedantic(make_plan, (request_, registry(), Store(tmp_path)), rounds=3)
    assert len(made.cells) >= 10_000
    assert len({cell.key for cell in made.cells}) == len(made.cells)


def test_looking_up_what_is_done_reads_each_record_once(
    benchmark: BenchmarkFixture, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the cells are done; a job that several cells share is asked for once."""
    store, reads = Store(tmp_path), Counter[str]()
    for cell in plan.cells[::2]:
        with store.publish("cells", cell.key) as folder:
            (folder / "scores.parquet").write_bytes(b"scores")
            write_record(folder, "cells", {"key": cell.key, "status": "done", "config": cell.jobs[-1].config})
    read = Path.read_bytes

    def counted(file: Path) -> bytes:
        reads[str(file)] += 1
        return read(file)

    monkeypatch.setattr(Path, "read_bytes", counted)
    missing = benchmark.pedantic(missing_jobs, (plan.jobs, store), rounds=1)
    assert len(missing) == len(plan.jobs) - len(plan.cells[::2])
    assert len(reads) == len(plan.jobs)
    assert set(reads.values()) == {1}


def test_scheduling(benchmark: BenchmarkFixture, plan: Plan) -> None:
    """From the first job to the last, with two under way at any time, as the engine does it."""

    def all_of_it() -> int:
        schedule, under_way, ended = Schedule(plan.jobs), [], 0
        while True:
            while len(under_way) < 2 and (job := schedule.next(len(under_way), lone=False)[0]) is not None:
                under_way.append(job)
            if not under_way:
                return ended
            schedule.is_done(under_way.pop(0))
            ended += 1

    assert benchmark.pedantic(all_of_it, rounds=3) == len(plan.jobs)


def test_claiming(benchmark: BenchmarkFixture, plan: Plan, tmp_path: Path) -> None:
    """Two thousand jobs claimed and given back, four at a time; nothing is left."""

    def all_of_it() -> int:
        claims, held = Claims(Store(tmp_path)), list[Job]()
        for job in plan.jobs[:2000]:
            assert claims.take(job)
            held.append(job)
            if len(held) == 4:
                claims.release(held.pop(0))
        claims.close()
        return len(held)

    assert benchmark.pedantic(all_of_it, rounds=1) == 3
    assert not (tmp_path / "claims").exists()
