"""Runs the ``bench`` command for tests: in a process of its own, as a fork, or in this process.

What is about processes themselves (their imports, signals, workers that are started or die) takes
:func:`bench_process`; what needs a plugin, an environment or a folder of its own, :func:`bench_fork`; all else
:func:`bench_here`.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from typing import Any
from unittest.mock import patch

from forked_processes import Forked
from waiting import until

from bench.cli.main import main
from bench.runs.engines import workers

BENCH = Path(sys.executable).with_name("bench")
"""The command as it is installed."""


@dataclass(frozen=True)
class Ran:
    """A command that ended: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Standard output as JSON; fails if there is anything else on it."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line of an error for people: exit code 2, nothing on standard output, no traceback."""
        assert self.code == 2, self
        assert not self.out, self
        assert len(self.err.splitlines()) == 1, self.err
        assert self.err.startswith("bench: "), self.err
        return self.err.strip()


def environment(plugins: Sequence[Path] = (), **variables: str) -> dict[str, str]:
    """This environment with folders of plugins on the path."""
    kept = {k: v for k, v in os.environ.items() if k not in ("BENCH_STRICT", "PYTHONPATH")}
    return {**kept, "PYTHONPATH": os.pathsep.join(map(str, plugins)), "PYTHONDONTWRITEBYTECODE": "1", **variables}


def bench_process(*arguments: object, plugins: Sequence[Path] = (), cwd: Path | None = None, **variables: str) -> Ran:
    """Runs ``bench`` in a process of its own, with the plugins in these folders installed."""
    done = subprocess.run(
        [BENCH, *map(str, arguments)],
        env=environment(plugins, **variables),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def bench_fork(*arguments: object, plugins: Sequence[Path] = (), cwd: Path | None = None, **variables: str) -> Ran:
    """As :func:`bench_process`, but in a fork of a process that has imported what most commands need."""
    return run_fork(["bench", *map(str, arguments)], plugins, cwd, **variables)


def run_fork(words: list[str], plugins: Sequence[Path] = (), cwd: Path | None = None, **variables: str) -> Ran:
    """Runs ``bench``, or a module as ``python -m`` does, in a fork; see :mod:`forked_processes`."""
    return ForkedCommand(words, plugins, cwd, **variables).ended()


class ForkedCommand:
    """A fork under way; what it says to people can be read meanwhile."""

    def __init__(
        self,
        words: list[str],
        plugins: Sequence[Path] = (),
        cwd: Path | None = None,
        ours: bool = True,
        **variables: str,
    ) -> None:
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115  # closed at its end
        with open(os.devnull, "rb") as none:
            streams = none.fileno(), self._out.fileno(), self._err.fileno()
            self._process = Forked(words, streams, environment(plugins, **variables), cwd or Path.cwd(), ours)

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def said(self) -> str:
        """Standard error so far."""
        return os.pread(self._err.fileno(), 1 << 20, 0).decode()  # which leaves its place to the fork

    def first_line(self) -> str:
        """What it says to people first; waits for it."""
        self.until_said("\n")
        return self.said().partition("\n")[0]

    def until_said(self, text: str) -> None:
        """Waits until it has said this to people; fails where it has ended without."""
        until(lambda: text in self.said(), self._process.runs)

    def kill(self) -> None:
        """Ends it with all that it has started, without a chance to say so; nothing where it has ended."""
        if not self._err.closed:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def ended(self) -> Ran:
        """What became of it; waits for the end."""
        with self._out, self._err:
            code = self._process.wait()
            self._out.seek(0)
            self._err.seek(0)
            return Ran(code, self._out.read().decode(), self._err.read().decode())


def bench_here(*arguments: object) -> Ran:
    """Runs ``bench`` in this process, and its workers as forks of one that has imported what they all import.

    Importing it anew takes a worker seconds, longer than most cells of a small corpus. A fork's environment variables
    are those of the first call: a test that sets some for workers takes :func:`bench_fork`.
    """
    out, err = io.StringIO(), io.StringIO()
    code = 0
    words = patch.object(sys, "argv", ["bench", *map(str, arguments)])
    with redirect_stdout(out), redirect_stderr(err), words, forked_workers():
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Ran(code, out.getvalue(), err.getvalue())


@contextmanager
def forked_workers() -> Iterator[None]:
    """Worker processes are forks of one that has imported what they all import."""
    _start_fork_server()
    with patch.object(workers, "START", "forkserver"):
        yield


@cache
def _start_fork_server() -> None:
    tests = Path(__file__).parent
    multiprocessing.set_forkserver_preload(["imported_by_workers"])
    plugins = [tests.parent, tests]  # in this order: tests/bench is not bench
    with patch.dict(os.environ, environment(plugins)):
        forkserver.ensure_running()
