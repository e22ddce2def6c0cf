"""Which job a run does next, and what those that ended mean for the others: the same whatever carries them out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from bench.claiming import LOOK_EVERY
from bench.runs.claims import Claims
from bench.runs.engines.schedule import Schedule
from bench.runs.jobs import Job
from bench.runs.store import Record, Store, is_done, write_record

Watcher = Callable[[Job, float, dict[str, Any] | None], None]
"""Called with a job, the part of it that is done (0 … 1) and, when it ended, its record."""


class Dealing:
    """The jobs of a run: those that wait, those that it claims one after the other, and those that other runs are at.

    Args:
        jobs: each once; what one needs and is not among them is there already.
        store: where results are.
        watch: told of each job's progress and end, of those too that fail since another one did.
        claims: on these jobs; by default the run's own.
    """

    def __init__(self, jobs: Iterable[Job], store: Store, watch: Watcher, claims: Claims | None = None) -> None:
        self.watch = watch
        self._schedule, self._store = Schedule(jobs), store
        self._claims = Claims(store) if claims is None else claims
        self._looked = 0.0  # at what other runs have claimed
        self._lone = False  # what is under way was put back to be tried alone

    @property
    def is_shared(self) -> bool:
        """Whether other runs are at some of these jobs."""
        return bool(self._claims.elsewhere)

    def next(self, running: int) -> Job | None:
        """Claims the next job that may start beside ``running`` others; None where there is none for now."""
        while True:
            job, alone = self._schedule.next(running, self._lone)
            if job is None:
                return None
            if not self._claims.take(job):
                continue
            record = self._claims.found(job)
            if record is None:
                self._lone = alone
                return job
            self.ended(job, record)

    def look_elsewhere(self) -> None:
        """Puts jobs that other runs were at back, when these are done with them; looks now and then."""
        if self.is_shared and time.monotonic() - self._looked >= LOOK_EVERY:
            for job in self._claims.free():
                self._schedule.again(job)
            self._looked = time.monotonic()

    def waits(self) -> bool:
        """Waits a moment for other runs, and says so once; False where they are at none of these jobs."""
        if not self.is_shared:
            return False
        self._claims.say_waiting()
        time.sleep(LOOK_EVERY)
        return True

    def is_lost(self, job: Job) -> bool:
        """Whether another run took a job over: this one was suspended, and counted as gone."""
        return self._claims.is_lost(job)

    def leave(self, job: Job) -> None:
        """Leaves a job to the run that took it over."""
        self._claims.release(job)
        self._schedule.again(job)

    def again_alone(self, job: Job) -> None:
        """Puts back a job that was under way when its worker died; nothing else will run beside it."""
        self._schedule.again_alone(job)

    def ended(self, job: Job, record: Record) -> None:
        """Takes in the record of a job; where it failed, whatever cannot be done without it fails, too."""
        self._claims.release(job)
        self.watch(job, 1.0, record)
        if is_done(record):
            self._schedule.is_done(job)
            return
        for dependant, reason in self._schedule.has_failed(job, record.get("title", job.title), record["error"]):
            self.watch(dependant, 1.0, self._failure(dependant, reason))

    def failed(self, job: Job, reason: str) -> None:
        """Stores that a job failed without having been carried out to its end, and takes that in."""
        self.ended(job, self._failure(job, reason))

    def close(self) -> None:
        """Gives all claims back."""
        self._claims.close()

    def _failure(self, job: Job, reason: str) -> Record:
        facts = {"key": job.key, "title": job.title, "config": job.config}
        with self._store.publish(job.kind, job.key) as folder:
            return write_record(folder, job.kind, {**facts, "status": "failed", "error": reason, "seconds": 0.0})
