"""The local engine: jobs as processes on this machine, each started as soon as what it needs is there."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

from bench.claiming import LOOK_EVERY as CLAIMS_EVERY
from bench.errors import BenchError
from bench.progress import note
from bench.runs.engines.dealing import Dealing, Watcher
from bench.runs.engines.limits import LOOK_EVERY, memory_of, written_bytes
from bench.runs.engines.schedule import name_of
from bench.runs.engines.workers import Worker, Workers
from bench.runs.jobs import Job
from bench.runs.store import Store

_MOST_WORKERS = 1_000
_LONGEST = 10_000_000  # seconds of a job: four months


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
    dealing = Dealing(waiting.values(), store, watch)
    try:
        Run(dealing, pool, store, timeout, memory).to_the_end()
    finally:
        pool.close()
        store.sweep()  # a run that was killed has workers that end after it, and after the first look
        dealing.close()
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
        self, dealing: Dealing, pool: Workers, store: Store, timeout: float | None, memory: int | None
    ) -> None:
        self.dealing, self.pool, self.store = dealing, pool, store
        self.timeout, self.memory = timeout, memory

    def to_the_end(self) -> None:
        """Starts and listens until nothing is left."""
        while True:
            self.dealing.look_elsewhere()
            self._start()
            if not self.pool.busy:
                if self.dealing.waits():
                    continue
                return
            for worker, said in self.pool.listen(self._patience()):
                job = worker.job
                assert job is not None
                if self.dealing.is_lost(job):
                    continue
                if said is None:
                    self.died(worker, job)
                elif said[0] == "at":
                    self.dealing.watch(job, said[1], None)
                elif said[0] == "note":
                    note(said[1])
                elif said[0] == "broken":
                    raise BenchError(said[1], where=f"storing {job.title}")
                elif said[0] == "ended":
                    worker.job = None
                    self.dealing.ended(job, said[1])
            self._end_overdue()
            self._end_oversized()
            self._end_lost()

    def _start(self) -> None:
        while len(self.pool.busy) < self.pool.size:
            job = self.dealing.next(len(self.pool.busy))
            if job is None:
                return
            self.pool.start(job)

    def died(self, worker: Worker, job: Job) -> None:
        """A worker is gone. Where others worked beside it, memory may have been short for all: it is tried alone."""
        self.pool.drop(worker)
        self.store.sweep()
        if worker.beside:
            self.dealing.again_alone(job)
        else:
            self.dealing.failed(job, worker.ending())

    def _patience(self) -> float | None:
        """Seconds until a job may be overdue, or memory or claims are to be looked at; None where nothing is."""
        looks = [LOOK_EVERY] if self.memory is not None else []
        looks += [CLAIMS_EVERY] if self.dealing.is_shared else []
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
            if job is not None and self.dealing.is_lost(job):
                self.pool.drop(worker)
                self.dealing.leave(job)

    def _end(self, worker: Worker, job: Job, reason: str) -> None:
        self.pool.drop(worker)
        self.store.sweep()
        self.dealing.failed(job, reason)
