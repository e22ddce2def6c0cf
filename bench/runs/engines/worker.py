"""What a worker process does: the jobs that come over its pipe, one after the other."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Literal

from bench.errors import system_error
from bench.instructions import common_instructions
from bench.progress import notes_to
from bench.runs.jobs import Job
from bench.runs.orphans import end_with_parent

Said = (
    tuple[Literal["began"]]
    | tuple[Literal["at"], float]
    | tuple[Literal["note"], str]
    | tuple[Literal["ended"], Any]
    | tuple[Literal["broken"], str]
)
"""What a worker says: it began a job, how far it is (0 … 1), a line for people, the record of the job that ended, why
no result can be stored.
"""

_REPORT_EVERY = 0.2  # seconds


def serve(pipe: Connection, root: str, threads: int) -> None:
    """Carries out jobs until the other end of the pipe is closed.

    Args:
        pipe: jobs come in, :data:`Said` goes out.
        root: of the store.
        threads: for torch and the libraries below it, so that jobs side by side don't spin against each other.
    """
    with suppress(OSError):  # it leads a group of its own, which whatever its jobs start belongs to, and ends with it
        os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a fork has its parent's handler
    end_with_parent()
    os.dup2(2, 1)  # standard output is for what the command prints
    says = threading.Lock()

    def say(*said: Any) -> None:
        with says:
            pipe.send(said)

    notes_to(lambda line: say("note", line))
    common_instructions()
    import torch

    from bench.runs.store import Store
    from bench.runs.work import perform

    torch.set_num_threads(threads)
    store = Store(root)
    while True:
        try:
            job: Job = pipe.recv()
        except EOFError:
            return
        say("began")
        try:
            record = perform(job, store, _Reports(say), keep_output=True)
        except OSError as error:  # the result cannot be stored: nor will the next one be
            with suppress(OSError):  # the run has heard it of another worker and is gone
                say("broken", str(system_error(error)))
            return
        say("ended", record)


class _Reports:
    """A job's progress on its way out, a few times a second at most."""

    def __init__(self, say: Any) -> None:
        self._say, self._last = say, 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done >= total or now - self._last > _REPORT_EVERY:
            self._last = now
            self._say("at", done / max(total, 1))
