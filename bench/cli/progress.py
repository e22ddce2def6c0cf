"""Progress for people: bars with an estimate on a terminal, plain lines elsewhere. Always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from bench.cli.terminal import console
from bench.printable import counted, one_line
from bench.progress import Progress, print_line, print_over, silent

if TYPE_CHECKING:
    from bench.runs.jobs import Job

_PLAIN_EVERY = 10.0  # seconds between plain lines of one piece of work
_BAR = 8, 40  # columns of a bar: it gives way before a title is folded
_NUMBERS = 24  # columns to the right of it
_TELLING = 0.02  # share of the work after which its time says something of the rest
_WEIGHTS = {"encoders": 6.0, "embeddings": 0.3, "cells": 1.5}
"""Rough shares of the time; only the estimate depends on them."""


class GridProgress:
    """Shows the jobs of a grid; a context manager whose :meth:`watch` is the engine's watcher."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._done: dict[tuple[str, str], float] = {(job.kind, job.key): 0.0 for job in jobs}
        self._weight = {(job.kind, job.key): _WEIGHTS[job.kind] for job in jobs}
        self._total = sum(self._weight.values())
        self._finished = 0.0  # of the total
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}
        self._started = time.monotonic()
        self._last = 0.0
        self._reasons: set[str] = set()
        self._titles = [job.title for job in jobs]

    def __enter__(self) -> GridProgress:
        if sys.stderr.isatty() and self._total:
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
            from rich.table import Column

            ours = console(err=True)
            width, longest = ours.width, 2 + max(len(title) for title in self._titles)
            columns = (
                TextColumn("{task.description}", markup=False, table_column=Column(overflow="fold", min_width=20)),
                BarColumn(bar_width=max(_BAR[0], min(_BAR[1], width - longest - _NUMBERS))),
                TextColumn("{task.percentage:>3.0f} %"),
                TimeElapsedColumn(Column(no_wrap=True)),
                TimeRemainingColumn(table_column=Column(no_wrap=True)),
            )
            self._bar = Progress(*columns, console=ours)
            self._bar.start()
            self._all = self._bar.add_task(counted(len(self._done), "job"), total=self._total)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def watch(self, job: Job, part: float, record: dict[str, Any] | None) -> None:
        """See :data:`bench.runs.engines.local.Watcher`."""
        name = job.kind, job.key
        self._finished += self._weight.get(name, 0.0) * (part - self._done.get(name, 0.0))
        self._done[name] = part
        finished = self._finished
        if self._bar is not None:
            if job.key not in self._tasks:
                self._tasks[job.key] = self._bar.add_task("  " + job.title, total=1.0)
            self._bar.update(self._tasks[job.key], completed=part)
            self._bar.update(self._all, completed=finished)
            if record is not None:
                self._bar.remove_task(self._tasks.pop(job.key))
                if record["status"] != "done" and self._is_news(record["error"]):
                    self._bar.console.print(f"FAILED {job.title}: {record['error']}", markup=False)
        elif self._is_due(record):
            self._last = time.monotonic()
            elapsed = self._last - self._started
            share = finished / self._total
            state = f"{part:4.0%}" if record is None else record["status"]
            why = f": {one_line(record['error'])}" if record is not None and record["status"] != "done" else ""
            print(
                f"[{share:4.0%}, {elapsed:.0f} s{_left(elapsed, share)}] {one_line(job.title)}: {state}{why}",
                file=sys.stderr,
                flush=True,
            )

    def _is_due(self, record: dict[str, Any] | None) -> bool:
        """Whether a plain line is due: a result, a failure for a new reason, or some time without a line."""
        if record is not None and (record["status"] == "done" or self._is_news(record["error"])):
            return True
        return time.monotonic() - self._last > _PLAIN_EVERY

    def _is_news(self, error: str) -> bool:
        """Whether nothing has failed for this reason before; the end says how many did."""
        from bench.runs.failures import root_reason

        known = len(self._reasons)
        self._reasons.add(root_reason(error)[1])
        return len(self._reasons) > known


def single_progress(title: str) -> Progress:
    """Progress of one piece of work, such as making a corpus."""
    started = time.monotonic()
    is_terminal = sys.stderr.isatty()
    last = [0.0 if is_terminal else started]  # work that is over soon says nothing before its end

    def progress(done: int, total: int) -> None:
        now = time.monotonic()
        if done < total and now - last[0] < (0.2 if is_terminal else _PLAIN_EVERY):
            return
        last[0] = now
        elapsed, share = now - started, done / max(total, 1)
        what, state = one_line(title), f": {share:4.0%}, {elapsed:.0f} s{_left(elapsed, share)}"
        if done < total and is_terminal:
            print_over(what, state)
        else:
            print_line(what + state)

    return progress


def unwatched(title: str) -> Progress:
    """Progress of a process that does not speak: another of the same pretraining does."""
    return silent


def _left(elapsed: float, share: float) -> str:
    """What the rest will take, once enough is done to tell: the first seconds are imports and compilation."""
    return f", about {max(elapsed * (1 - share) / share, 0.0):.0f} s left" if _TELLING <= share < 1 else ""
