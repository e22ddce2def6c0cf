"""Which job may start next: a count of what each one still waits for, so that a waiting job costs nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from bench.runs.jobs import Job

_ORDER = ("encoders", "embeddings", "cells")

Name = tuple[str, str]
"""Kind and key."""


def name_of(job: Job) -> Name:
    """Kind and key of a job."""
    return job.kind, job.key


class Schedule:
    """Jobs that wait, and those that may start.

    What others wait for comes first: pretraining takes longest, and must not be what is left at the end.

    Args:
        jobs: each once; what one needs and is not among them is there already.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._waiting = {name_of(job): job for job in jobs}
        self._lacks: dict[Name, int] = {}
        self._dependants: dict[Name, list[Name]] = {}
        self._ready: dict[str, deque[Job]] = {kind: deque() for kind in _ORDER}
        self._alone: deque[Job] = deque()
        for name, job in self._waiting.items():
            needs = [need for need in job.needs if need in self._waiting]
            self._lacks[name] = len(needs)
            for need in needs:
                self._dependants.setdefault(need, []).append(name)
            if not needs:
                self._ready[job.kind].append(job)

    def next(self, running: int, lone: bool) -> tuple[Job | None, bool]:
        """Takes the next job that may start, and whether nothing may run beside it; None where there is none for now.

        Args:
            running: how many are under way.
            lone: whether what is under way is to be alone.
        """
        if lone and running:
            return None, False
        for ready in self._ready.values():
            if ready:
                return ready.popleft(), False
        return (self._alone.popleft(), True) if self._alone and not running else (None, False)

    def again_alone(self, job: Job) -> None:
        """Puts back a job that was under way when its worker died; nothing else will run beside it."""
        self._alone.append(job)

    def again(self, job: Job) -> None:
        """Puts back a job that another run was at."""
        self._ready[job.kind].append(job)

    def is_done(self, job: Job) -> None:
        """Takes in that a job is done: who waited for it alone may start."""
        del self._waiting[name_of(job)]
        for name in self._dependants.pop(name_of(job), ()):
            if name in self._waiting:
                self._lacks[name] -= 1
                if not self._lacks[name]:
                    self._ready[name[0]].append(self._waiting[name])

    def has_failed(self, job: Job, title: str, error: str) -> Iterator[tuple[Job, str]]:
        """Takes in that a job failed; yields everything that can't be done without it, each with its reason."""
        del self._waiting[name_of(job)]
        for name in self._dependants.pop(name_of(job), ()):
            if name in self._waiting:
                dependant = self._waiting[name]
                reason = f"needs {title}, which failed: {error}"
                yield dependant, reason
                yield from self.has_failed(dependant, dependant.title, reason)
