"""What a worker process does before its first job."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from typing import Any

from bench.runs.jobs import Job
from bench.runs.store import Store

_reports: Any = None  # this process's queue of (key, done, total)
_REPORT_EVERY = 0.2  # seconds


def prepare(reports: Any, threads: int) -> None:
    """Limits the threads of this process, so that jobs side by side don't spin against each other.

    Args:
        reports: a queue that takes ``(key, done, total)``.
        threads: for torch and the libraries below it.
    """
    global _reports
    _reports = reports
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import torch

    torch.set_num_threads(threads)


def _end_with_parent() -> None:
    """Ends this process when the run that started it is gone, killed without a chance to stop its workers."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def perform_in_worker(job: Job, root: str) -> dict[str, Any]:
    """Carries out a job in a worker and reports its progress; returns the record."""
    from bench.runs.work import perform

    last = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done >= total or now - last > _REPORT_EVERY:
            last = now
            _reports.put((job.key, done, total))

    return perform(job, Store(root), progress)
