"""Worker processes, each with a pipe of its own: it is known which job was under way in one that died or was ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Literal

from bench.runs.engines.worker import Said, serve
from bench.runs.jobs import Job

START: Literal["spawn"] = "spawn"
"""How a worker starts (:func:`multiprocessing.get_context`): a fresh interpreter, which knows no state of this one."""

_THREADS = 1  # of each worker
_GRACE = 5.0  # seconds that a worker has to go when it is asked to


class Worker:
    """A process that carries out one job at a time.

    Attributes:
        job: what it is at; None while it waits for one.
        began: when it began the job (``time.monotonic``); None while it still imports.
        beside: whether any other worker was at work during the job.
    """

    def __init__(self, root: str) -> None:
        context = multiprocessing.get_context(START)
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=serve, args=(theirs, root, _THREADS))
        self.job: Job | None = None
        self.began: float | None = None
        self.beside = False
        # Ctrl-C at a terminal reaches the whole group; the parent ends its workers, they print nothing
        resource_tracker.ensure_running()  # which would lift the mask
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        theirs.close()  # so that the pipe ends when the worker does

    def end(self) -> None:
        """Ends the process, whatever it is at, and what it has started."""
        self.process.terminate()
        self.end_group()
        self.pipe.close()

    def end_group(self) -> None:
        """Waits for the process to end, a few seconds, and ends what is left of its group: itself, and its children.

        The group is ended before the process is waited for: until then nobody else can have its number.
        """
        if self.process.pid is not None:
            wait([self.process.sentinel], _GRACE)
            with suppress(ProcessLookupError, PermissionError):  # it leads none yet, or nothing is left
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()
        self.process.join()

    def ending(self) -> str:
        """How the process ended, for people."""
        code = self.process.exitcode
        if code is None or code == 0:
            return "the worker process ended in the middle of the job"
        if code > 0:
            return f"the worker process ended with exit code {code}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"the worker process died of {name}{' (out of memory?)' if -code == signal.SIGKILL else ''}"


class Workers:
    """So many worker processes, started when there is a job for them.

    Args:
        root: of the store.
        size: processes at once.
    """

    def __init__(self, root: str, size: int) -> None:
        self._root, self.size = root, size
        self._workers: list[Worker] = []

    @property
    def busy(self) -> list[Worker]:
        """Those that are at a job."""
        return [worker for worker in self._workers if worker.job is not None]

    def start(self, job: Job) -> None:
        """Hands a job to a worker that waits, or to a new one."""
        while True:
            worker = next((worker for worker in self._workers if worker.job is None), None)
            if worker is None:
                worker = Worker(self._root)
                self._workers.append(worker)
            try:
                worker.pipe.send(job)
                break
            except (BrokenPipeError, ConnectionResetError):  # it died while it waited
                self.drop(worker)
        others = self.busy
        worker.job, worker.began, worker.beside = job, None, bool(others)
        for other in others:
            other.beside = True

    def listen(self, timeout: float | None) -> Iterator[tuple[Worker, Said | None]]:
        """Waits until a worker says something, and yields what each one says; None of one that died.

        Args:
            timeout: seconds after which it waits no longer; None waits as long as it takes.
        """
        by_pipe: dict[Connection, Worker] = {worker.pipe: worker for worker in self.busy}
        for pipe in wait(list(by_pipe), timeout):
            worker = by_pipe[pipe]  # type: ignore[index]  # of the list that was handed in
            try:
                said: Said | None = worker.pipe.recv()
            except (EOFError, OSError):
                said = None
            if said is not None and said[0] == "began":
                worker.began = time.monotonic()
            yield worker, said

    def drop(self, worker: Worker) -> None:
        """Ends a worker; another one takes its place when there is a job for it."""
        self._workers.remove(worker)
        worker.end()

    def close(self) -> None:
        """Lets go of all workers: those that wait end by themselves, those at work are ended."""
        for worker in self._workers:
            if worker.job is None:
                worker.pipe.close()
        for worker in self.busy:
            worker.end()
        for worker in self._workers:
            worker.end_group()
        self._workers.clear()
