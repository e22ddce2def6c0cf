"""The local engine: jobs as processes on this machine, each started as soon as what it needs is there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from bench.claiming import LOOK_EVERY as CLAIMS_EVERY
from bench.errors import BenchError
from bench.progress import note
from bench.runs.claims import Claims
from bench.runs.engines.limits import LOOK_EVERY, memory_of, written_bytes
from bench.runs.engines.schedule import Schedule, name_of
from bench.runs.engines.workers import Worker, Workers
from bench.runs.jobs import Job
from bench.runs.store import Record, Store, is_done, write_record

_MOST_WORKERS = 1_000
_LONGEST = 10_000_000  # seconds of a job: four months

Watcher = Callable[[Job, float, dict[str, Any] | None], None]
"""Called with a job, the part of it that is done (0 … 1) and, when it ended, its record."""


def run_jobs(
    jobs: Iterable[Job],
    store: Store,
    workers: int | None = None,
    watch: Watcher = lambda *_: None,
    timeout: float | None = None,
    memory: int | None = None,
) -> None:
    """Runs jobs, none before those among them that it needs.

    A job fails alone: whoever needs its result fails with that reason, everything else goes on. Ctrl-C stops the
    workers; finished results stay, and the next run goes on from them. Another run on the same folder, here or on
    another machine, may be at some of these jobs: they are left to it, and looked at again until they are done.

    Args:
        jobs: those without a result (:func:`bench.runs.plan.missing_jobs`), in any order.
        store: where results go.
        workers: processes at once; by default as many as this process may use processors.
        watch: told about progress.
        timeout: seconds after which a job is ended, and has failed; None lets it take its time.
        memory: bytes that a worker may have to itself; a job that takes more is ended, and has failed.

    Raises:
        BenchError: a number of processes or of seconds that is none; nothing has been run then.
    """
    check_limits(workers, timeout)
    store.sweep()
    waiting = {name_of(job): job for job in jobs}
    if not waiting:
        return
    pool = Workers(str(store.root), min(workers or len(os.sched_getaffinity(0)), len(waiting)))
    store.root.mkdir(parents=True, exist_ok=True)
    store.hold()
    run = Run(Schedule(waiting.values()), pool, store, watch, timeout, memory)
    try:
        run.to_the_end()
    finally:
        pool.close()
        store.sweep()  # a run that was killed has workers that end after it, and after the first look
        run.claims.close()
        store.let_go()


def check_limits(workers: int | None, timeout: float | None) -> None:
    """Raises where a number of processes or of seconds is none."""
    if workers is not None and not 1 <= workers <= _MOST_WORKERS:
        raise BenchError(f"{workers:,} processes", where="--jobs", fix=f"1 to {_MOST_WORKERS:,}")
    if timeout is not None and not 0 < timeout <= _LONGEST:
        raise BenchError(f"{timeout:g} s is no limit", where="--cell-timeout", fix=f"above 0, up to {_LONGEST:,} s")


class Run:
    """Jobs on their way through a pool of workers."""

    def __init__(
        self,
        schedule: Schedule,
        pool: Workers,
        store: Store,
        watch: Watcher,
        timeout: float | None,
        memory: int | None,
        claims: Claims | None = None,
    ) -> None:
        self.schedule, self.pool, self.store, self.watch = schedule, pool, store, watch
        self.timeout, self.memory = timeout, memory
        self.claims = Claims(store) if claims is None else claims
        self.looked = 0.0  # at what other runs have claimed
        self.lone = False  # what is under way was put back to be tried alone

    def to_the_end(self) -> None:
        """Starts and listens until nothing is left."""
        while True:
            self._look_elsewhere()
            self._start()
            if not self.pool.busy:
                if not self.claims.elsewhere:
                    return
                self.claims.say_waiting()
                time.sleep(CLAIMS_EVERY)
                continue
            for worker, said in self.pool.listen(self._patience()):
                job = worker.job
                assert job is not None
                if self.claims.is_lost(job):
                    continue
                if said is None:
                    self.died(worker, job)
                elif said[0] == "at":
                    self.watch(job, said[1], None)
                elif said[0] == "note":
                    note(said[1])
                elif said[0] == "broken":
                    raise BenchError(said[1], where=f"storing {job.title}")
                elif said[0] == "ended":
                    worker.job = None
                    self._ended(job, said[1])
            self._end_overdue()
            self._end_oversized()
            self._end_lost()

    def _start(self) -> None:
        while len(self.pool.busy) < self.pool.size:
            running = len(self.pool.busy)
            job, alone = self.schedule.next(running, self.lone)
            if job is None:
                return
            if not self.claims.take(job):
                continue
            record = self.claims.found(job)
            if record is not None:
                self._ended(job, record)
                continue
            self.lone = alone
            self.pool.start(job)

    def _look_elsewhere(self) -> None:
        """Puts jobs that other runs were at back into the schedule, when these runs are done with them."""
        if self.claims.elsewhere and time.monotonic() - self.looked >= CLAIMS_EVERY:
            for job in self.claims.free():
                self.schedule.again(job)
            self.looked = time.monotonic()

    def _ended(self, job: Job, record: Record) -> None:
        self.claims.release(job)
        self.watch(job, 1.0, record)
        if is_done(record):
            self.schedule.is_done(job)
            return
        for dependant, reason in self.schedule.has_failed(job, record.get("title", job.title), record["error"]):
            self.watch(dependant, 1.0, fail(dependant, self.store, reason))

    def died(self, worker: Worker, job: Job) -> None:
        """A worker is gone. Where others worked beside it, memory may have been short for all: it is tried alone."""
        self.pool.drop(worker)
        self.store.sweep()
        if worker.beside:
            self.schedule.again_alone(job)
        else:
            self._ended(job, fail(job, self.store, worker.ending()))

    def _patience(self) -> float | None:
        """Seconds until a job may be overdue, or memory or claims are to be looked at; None where nothing is."""
        looks = [LOOK_EVERY] if self.memory is not None else []
        looks += [CLAIMS_EVERY] if self.claims.elsewhere else []
        look = min(looks, default=None)
        began = [worker.began for worker in self.pool.busy if worker.began is not None]
        if self.timeout is None or not began:
            return look
        left = max(min(began) + self.timeout - time.monotonic(), 0.0)
        return left if look is None else min(left, look)

    def _end_overdue(self) -> None:
        if self.timeout is None:
            return
        for worker in self.pool.busy:
            job = worker.job
            if job is not None and worker.began is not None and time.monotonic() - worker.began >= self.timeout:
                self._end(worker, job, f"took longer than --cell-timeout {self.timeout:g} s")

    def _end_oversized(self) -> None:
        if self.memory is None:
            return
        for worker in self.pool.busy:
            taken = memory_of(worker.process.pid or 0)
            if worker.job is not None and taken > self.memory:
                limit = f"--cell-memory {written_bytes(self.memory)}"
                self._end(worker, worker.job, f"took more memory than {limit}: {written_bytes(taken)}")

    def _end_lost(self) -> None:
        """Leaves jobs to the runs that took them over: this one was suspended, and counted as gone."""
        for worker in self.pool.busy:
            job = worker.job
            if job is not None and self.claims.is_lost(job):
                self.pool.drop(worker)
                self.claims.release(job)
                self.schedule.again(job)

    def _end(self, worker: Worker, job: Job, reason: str) -> None:
        self.pool.drop(worker)
        self.store.sweep()
        self._ended(job, fail(job, self.store, reason))


def fail(job: Job, store: Store, reason: str) -> Record:
    """Stores that a job failed without having been carried out."""
    record = {
        "key": job.key,
        "title": job.title,
        "config": job.config,
        "status": "failed",
        "error": reason,
        "seconds": 0.0,
    }
    with store.publish(job.kind, job.key) as folder:
        return write_record(folder, job.kind, record)
