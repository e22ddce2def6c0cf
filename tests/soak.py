"""Runs again and again in one process: memory, open files, threads and child processes must stay where they are.

``python -m tests.soak --minutes 30`` repeats a small run by ``bench.run`` for so long, every tenth time by the command
line in a process of its own, prints what was measured as CSV and says what grew. Exit code 1 if anything did.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

import bench
from bench.runs.engines import workers
from bench.testing import random_corpus

GROWTH = 100.0
"""kB a repetition that memory may grow by: allocators keep what they have, and tables differ in length."""
WARM = 0.3
"""Part of the repetitions that is left out of the fit: libraries are imported and caches filled there."""
_EVERY = 10  # repetitions from one of the command line to the next


@dataclass(frozen=True)
class State:
    """What the process holds after a repetition.

    Attributes:
        memory: kB of its own (RssAnon); mapped files do not count.
        files, threads, children: open descriptors, threads, and processes of its own.
        left: files in the store that no result accounts for.
    """

    memory: int
    files: int
    threads: int
    children: int
    left: int = 0


def state_now(store: Path) -> State:
    """The state of this process, and what is left over in a store."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    memory = int(status.split("RssAnon:")[1].split()[0])
    tasks = list(Path("/proc/self/task").iterdir())
    children = sum(len((task / "children").read_text().split()) for task in tasks)
    left = [path for path in store.rglob("*") if any(mark in path.name for mark in (".writing-", ".lock", ".broken"))]
    return State(memory, len(list(Path("/proc/self/fd").iterdir())), len(tasks), children, len(left))


def grown(states: Sequence[State]) -> list[str]:
    """What grew, a line each: memory by more than GROWTH beyond two standard errors of its slope; all else at all."""
    settled = states[int(len(states) * WARM) :]
    slope, error = memory_slope(settled)
    found = [f"memory grows by {slope:.0f} ± {error:.0f} kB a repetition"] if slope - 2 * error > GROWTH else []
    half = len(settled) // 2
    for name in ("files", "threads", "children", "left"):
        early, late = (max(getattr(state, name) for state in part) for part in (settled[:half], settled[half:]))
        found += [f"{name} grow from {early} to {late}"] if late > early else []
    return found


def memory_slope(states: Sequence[State]) -> tuple[float, float]:
    """Least squares of memory over repetitions: slope and its standard error, kB a repetition."""
    memory = np.array([state.memory for state in states], dtype=float)  # (n,)
    at = np.arange(len(memory)) - (len(memory) - 1) / 2  # (n,)
    slope = float(at @ memory / (at @ at))
    rest = memory - memory.mean() - slope * at  # (n,)
    return slope, float(np.sqrt(rest @ rest / (len(memory) - 2) / (at @ at)))


@contextmanager
def forked_workers() -> Iterator[None]:
    """Workers are forks of a process that has imported what they need: most of a short run is importing."""
    before, workers.START = workers.START, "forkserver"
    multiprocessing.set_forkserver_preload(["bench.runs.work"])
    try:
        yield
    finally:
        workers.START = before


def soak(folder: Path, go_on: Callable[[int], bool], every: int = _EVERY) -> list[State]:
    """Repeats a run as long as ``go_on(number)`` says so; the state after each repetition.

    Args:
        folder: empty; a corpus and stores go there.
        go_on: asked before each repetition.
        every: repetitions from one by the command line to the next; 0 for none.
    """
    corpus, store, states = random_corpus(folder / "corpus", sessions=30).folder, folder / "runs", []
    number = 0
    while go_on(number):
        number += 1
        if every and number % every == 0:
            words = (
                "run --task ctr --baseline transearch --encoder random --set epochs=1 --seeds 1 --device cpu --jobs 1"
            )
            command = [str(Path(sys.executable).with_name("bench")), *words.split()]
            command += ["--dataset", str(corpus), "--out", str(store)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        else:
            for computed in (True, False):  # then read again
                result = _run(corpus, store)
                assert result.complete, computed
                assert "transearch" in result.table()
        states.append(state_now(store))
        shutil.rmtree(store)
    return states


def _run(corpus: Path, store: Path) -> bench.RunResult:
    few = {"epochs": 1}
    return bench.run("ctr", "random", "transearch", corpus, seeds=1, settings=few, device="cpu", jobs=1, out=store)


def main(arguments: Sequence[str] | None = None) -> int:
    """Soaks; 1 if anything grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    asked = parser.parse_args(arguments)
    end = time.monotonic() + 60 * asked.minutes
    with tempfile.TemporaryDirectory() as folder, forked_workers():
        states = soak(Path(folder), lambda number: number < 10 or time.monotonic() < end)
    print(",".join(["repetition", *(field.name for field in fields(State))]))
    for number, state in enumerate(states, 1):
        print(",".join(map(str, (number, *astuple(state)))))
    slope, error = memory_slope(states[int(len(states) * WARM) :])
    print(f"{len(states)} repetitions; memory {slope:+.1f} ± {error:.1f} kB a repetition", file=sys.stderr)
    found = grown(states)
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
