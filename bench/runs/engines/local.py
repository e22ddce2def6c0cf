"""The local engine: jobs as processes on this machine, each started as soon as what it needs is there."""

from __future__ import annotations

import multiprocessing
import os
import queue
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from bench.runs.jobs import Job
from bench.runs.engines.worker import perform_in_worker, prepare
from bench.runs.store import Store, write_record

_ORDER = ("encoders", "embeddings", "cells")

Watcher = Callable[[Job, float, dict[str, Any] | None], None]
"""Called with a job, the part of it that is done (0 … 1) and, when it ended, its record."""


def run_jobs(jobs: Iterable[Job], store: Store, workers: int | None = None, watch: Watcher = lambda *_: None) -> None:
    """Runs every job whose result is not there yet, none before those that it needs.

    A job fails alone: whoever needs its result fails with that reason, everything else goes on. Ctrl-C stops the
    workers; finished results stay, and the next run goes on from them.

    Args:
        jobs: in any order; the same job may stand in several cells.
        store: where results go.
        workers: processes at once; by default as many as this process may use processors.
        watch: told about progress.
    """
    store.sweep()
    # what others wait for starts first: pretraining is the longest, and must not be what is left at the end
    in_order = sorted(jobs, key=lambda job: _ORDER.index(job.kind))
    waiting = {(job.kind, job.key): job for job in in_order if not store.is_done(job.kind, job.key)}
    if not waiting:
        return
    workers = min(workers or len(os.sched_getaffinity(0)), len(waiting))
    context = multiprocessing.get_context("spawn")
    reports = context.Queue()
    running: dict[Future[dict[str, Any]], Job] = {}
    suspects: set[tuple[str, str]] = set()  # jobs that were under way when a worker died; each is tried again, alone

    def start_pool() -> ProcessPoolExecutor:
        return ProcessPoolExecutor(workers, mp_context=context, initializer=prepare, initargs=(reports, 1))

    pool = start_pool()
    try:
        while waiting or running:
            lost: list[Job] = []
            broken = False
            for name, job in list(waiting.items()):
                reason = _missing(job, store, waiting, running.values())
                if reason:
                    watch(job, 1.0, fail(job, store, reason))
                    del waiting[name]
                elif reason is None and _has_room(name, suspects, running.values(), workers):
                    try:
                        running[pool.submit(perform_in_worker, job, str(store.root))] = job
                    except BrokenProcessPool:  # a worker died just now
                        broken = True
                        break
                    del waiting[name]
            finished, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            _drain(reports, running.values(), watch)
            for future in finished:
                job = running.pop(future)
                try:
                    watch(job, 1.0, future.result())
                except BrokenProcessPool:
                    broken = True
                    lost.append(job)
            if broken:  # one dead worker takes down the pool and every job in it
                lost += running.values()
                running.clear()
                pool.shutdown(wait=False)
                pool = start_pool()
            if len(lost) == 1:
                watch(lost[0], 1.0, fail(lost[0], store, "the worker process died (out of memory?)"))
            else:  # nobody knows whose fault it was
                waiting |= {(job.kind, job.key): job for job in lost}
                suspects |= {(job.kind, job.key) for job in lost}
    except BaseException:
        for process in (pool._processes or {}).values():
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def fail(job: Job, store: Store, reason: str) -> dict[str, Any]:
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
        write_record(folder, job.kind, record)
    return record


def _has_room(name: tuple[str, str], suspects: set[tuple[str, str]], running: Iterable[Job], workers: int) -> bool:
    """Whether a job may start beside those that are running. A suspect runs alone."""
    under_way = [(job.kind, job.key) for job in running]
    if name in suspects or suspects.intersection(under_way):
        return not under_way
    return len(under_way) < workers


def _missing(job: Job, store: Store, waiting: Iterable[tuple[str, str]], running: Iterable[Job]) -> str | None:
    """None when a job can start, an empty string while it must wait, else why it never can."""
    under_way = {(other.kind, other.key) for other in running} | set(waiting)
    for need in job.needs:
        if need in under_way:
            return ""
        if not store.is_done(*need):
            record = store.read(*need) or {}
            return f"needs {record.get('title', need[0])}, which failed: {record.get('error', 'no result')}"
    return None


def _drain(reports: Any, running: Iterable[Job], watch: Watcher) -> None:
    by_key = {job.key: job for job in running}
    while True:
        try:
            key, done, total = reports.get_nowait()
        except queue.Empty:
            return
        if key in by_key:
            watch(by_key[key], done / max(total, 1), None)
