"""Jobs run after what they need; one that fails or dies takes no other with it; what is done is not done again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from command_line import forked_workers
from odd_encoders import install_odd_encoders
from small_corpora import random_corpus

from bench.data.corpus import Corpus
from bench.errors import BenchError
from bench.plugins.registry import Registry
from bench.runs.engines.local import run_jobs
from bench.runs.jobs import Cell, Job
from bench.runs.plan import Plan, RunRequest, make_plan, missing_jobs
from bench.runs.store import Store

pytestmark = pytest.mark.slow  # worker processes


@dataclass
class Grid:
    """A plan, where its results are, and what the watcher was told."""

    plan: Plan
    store: Store
    told: list[tuple[str, float, str | None]]

    def run(self, workers: int) -> Grid:
        """Runs the plan with so many processes."""

        def watch(job: Job, part: float, record: dict[str, Any] | None) -> None:
            self.told.append((job.title, part, None if record is None else record["status"]))

        run_jobs(missing_jobs(self.plan.jobs, self.store), self.store, workers, watch)
        return self

    def jobs(self, kind: str = "") -> list[Job]:
        """Every job once, or those of a kind."""
        found = {(j.kind, j.key): j for cell in self.plan.cells for j in cell.jobs}
        return [job for job in found.values() if not kind or job.kind == kind]

    def record(self, job: Job) -> dict[str, Any]:
        """What is stored of a job."""
        record = self.store.read(job.kind, job.key)
        assert record is not None, job.title
        return record

    def of(self, encoder: str) -> list[Cell]:
        """The cells of an encoder."""
        return [cell for cell in self.plan.cells if cell.encoder == encoder]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("corpora") / "small", sessions=30)


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder = install_odd_encoders(tmp_path_factory.mktemp("plugins"))
    with pytest.MonkeyPatch.context() as patched, forked_workers():
        patched.syspath_prepend(folder)  # workers are told
        yield Registry()


def grid(corpus: Corpus, plugins: Registry, root: Path, encoders: list[str], *settings: str, seeds: int = 1) -> Grid:
    request = RunRequest("ctr", encoders, (), [str(corpus.folder)], seeds, ["epochs=1", *settings], "cpu")
    store = Store(root)
    return Grid(make_plan(request, plugins, store), store, [])


@pytest.fixture(scope="module")
def mixed(corpus: Corpus, plugins: Registry, tmp_path_factory: pytest.TempPathFactory) -> Grid:
    """Two workers, two seeds; one encoder raises, one kills its worker while another is at work beside it."""
    encoders, settings = ["raises", "dies", "steady"], ["dies.seconds=1", "steady.seconds=2"]
    return grid(corpus, plugins, tmp_path_factory.mktemp("mixed"), encoders, *settings, seeds=2).run(2)


def test_every_job_has_ended_once(mixed: Grid) -> None:
    ended = [title for title, part, status in mixed.told if status is not None]
    assert sorted(ended) == sorted(job.title for job in mixed.jobs())
    assert all(0 <= part <= 1 for _, part, _ in mixed.told)


def test_the_others_finish_beside_one_that_raises_and_one_that_dies(mixed: Grid) -> None:
    for encoder in ("vanilla", "steady"):
        for cell in mixed.of(encoder):
            assert [mixed.record(job)["status"] for job in cell.jobs] == ["done"] * len(cell.jobs)
    for encoder in ("raises", "dies"):
        for cell in mixed.of(encoder):
            assert [mixed.record(job)["status"] for job in cell.jobs] == ["failed"] * 3


def test_a_neighbour_of_one_that_dies_is_not_taken_for_it(corpus: Corpus, plugins: Registry, tmp_path: Path) -> None:
    """Both are lost with the pool: each is tried again alone, and only the one that kills fails."""
    pair = grid(corpus, plugins, tmp_path, ["dies", "steady"], "dies.seconds=1", "steady.seconds=3").run(2)
    assert {cell.encoder: pair.record(cell.jobs[0])["status"] for cell in pair.plan.cells} == {
        "vanilla": "done",
        "dies": "failed",
        "steady": "done",
    }


def test_a_failure_says_why_and_so_does_whoever_needs_it(mixed: Grid) -> None:
    for encoder, why in (("raises", "ArithmeticError: no luck"), ("dies", "the worker process died")):
        for cell in mixed.of(encoder):
            pretraining, embedding, last = (mixed.record(job) for job in cell.jobs)
            assert pretraining["error"].startswith(why)
            assert embedding["error"].startswith(f"needs {pretraining['title']}, which failed: {why}")
            assert why in last["error"]
    raised = mixed.record(mixed.of("raises")[0].jobs[0])
    assert 'raise ArithmeticError("no luck")' in raised["traceback"]


def test_nothing_starts_before_what_it_needs(mixed: Grid) -> None:
    place = {(job.kind, job.key): mixed.record(job) for job in mixed.jobs()}
    checked = 0
    for job in mixed.jobs():
        for need in job.needs:
            if place[need]["status"] == "done":
                assert place[job.kind, job.key]["started"] >= place[need]["started"] + place[need]["seconds"] - 0.05
                checked += 1
    assert checked >= 4


def test_finished_jobs_are_not_done_again_and_failed_ones_are(mixed: Grid) -> None:
    before = {job.key: mixed.record(job).get("started") for job in mixed.jobs()}
    mixed.told.clear()
    raising = [job for cell in mixed.of("raises") + mixed.of("vanilla") for job in cell.jobs]
    run_jobs(
        missing_jobs(raising, mixed.store),
        mixed.store,
        1,
        lambda job, part, record: mixed.told.append((job.title, part, None)),
    )
    assert {title for title, _, _ in mixed.told} == {job.title for cell in mixed.of("raises") for job in cell.jobs}
    after = {job.key: mixed.record(job).get("started") for job in mixed.jobs()}
    again = {key for key in after if after[key] != before[key]}
    assert again == {cell.jobs[0].key for cell in mixed.of("raises")}


def test_what_a_dead_worker_was_writing_does_not_count(mixed: Grid) -> None:
    left = list(mixed.store.root.glob("*/*.writing-*"))
    assert not [path for path in left if list(path.glob("*.json"))]


def test_a_corpus_too_small_to_score_is_refused_before_anything_runs(plugins: Registry, tmp_path: Path) -> None:
    tiny = random_corpus(tmp_path / "tiny", sessions=2)
    with pytest.raises(BenchError, match="ctr cannot run on small: no downstream query of its valid split shows both"):
        grid(tiny, plugins, tmp_path / "runs", [])
    assert not (tmp_path / "runs" / "cells").exists()
