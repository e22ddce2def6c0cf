"""Runs the ``bench`` command for tests: in a process of its own, or in this one where nothing has to be fresh."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from typing import Any
from unittest.mock import patch

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


def bench_here(*arguments: object) -> Ran:
    """Runs ``bench`` in this process, and its workers as forks of one that has imported what they all import.

    Importing it anew takes a worker seconds, longer than most cells of a small corpus. A fork's environment variables
    are those of the first call: a test that sets some for workers takes :func:`bench_process`.
    """
    out, err = io.StringIO(), io.StringIO()
    code = 0
    _start_fork_server()
    forks = patch.object(workers, "START", "forkserver")
    words = patch.object(sys, "argv", ["bench", *map(str, arguments)])
    with redirect_stdout(out), redirect_stderr(err), words, forks:
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Ran(code, out.getvalue(), err.getvalue())


@cache
def _start_fork_server() -> None:
    tests = Path(__file__).parent
    multiprocessing.set_forkserver_preload(["imported_by_workers"])
    plugins = [tests.parent, tests]  # in this order: tests/bench is not bench
    with patch.dict(os.environ, environment(plugins)):
        forkserver.ensure_running()
