"""Python programs as forks of a process that has imported what they all import: our modules too, or libraries alone.

``bench`` in a process of its own imports torch for two seconds, and so does each of its workers; most commands of a
test take less. A fork has all else that a process has: standard streams, environment, folder, path of modules, and
workers of its own, which it forks. What an import does, or how a worker starts, is for tests that start processes.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakSet

_PATIENCE = 300.0  # seconds


class Forked:
    """A program under way.

    Args:
        words: ``bench`` or a module that can be run, and its arguments; or ``-c`` and a text.
        streams: numbers of the files that are its standard input, output and error.
        variables: its whole environment; folders of PYTHONPATH are looked through first.
        cwd: its working folder.
        ours: whether our own modules are imported already.

    Attributes:
        pid: the number of the process, and of the group that it leads.
    """

    def __init__(
        self,
        words: Sequence[str],
        streams: Sequence[int],
        variables: Mapping[str, str],
        cwd: Path,
        ours: bool = True,
    ) -> None:
        said = json.dumps({"words": words, "variables": dict(variables), "cwd": str(cwd)}).encode()
        self._answers, theirs = socket.socketpair()
        self._answers.settimeout(_PATIENCE)
        with theirs:
            socket.send_fds(_server(ours).socket, [_number(len(said))], [theirs.fileno(), *streams])
        _server(ours).socket.sendall(said)
        self.pid = self._answer()

    def wait(self) -> int:
        """The exit code; negative is the number of the signal that ended it. To be called once."""
        with self._answers:
            return self._answer()

    def runs(self) -> bool:
        """Whether it has not ended; not to be asked after :meth:`wait`."""
        return not select.select([self._answers], [], [], 0)[0]

    def _answer(self) -> int:
        answer = self._answers.recv(8)
        assert len(answer) == 8, "the server of forks has ended"
        return int.from_bytes(answer, "big", signed=True)


@dataclass(frozen=True)
class _Server:
    """The process that forks, and the connection to it; it ends when this one does."""

    process: subprocess.Popen[bytes]
    socket: socket.socket


@cache
def _server(ours: bool) -> _Server:
    here, there = socket.socketpair()
    left_out = ("PYTHONPATH", "BENCH_STRICT")
    variables = {name: value for name, value in os.environ.items() if name not in left_out}
    # no threads yet where a fork would inherit them
    variables |= {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    words = [sys.executable, __file__, str(there.fileno()), "ours" if ours else "libraries"]
    with there:
        process = subprocess.Popen(words, env=variables, pass_fds=[there.fileno()], start_new_session=True)
    return _Server(process, here)


def _number(value: int) -> bytes:
    return value.to_bytes(8, "big", signed=True)


def _serve(requests: socket.socket) -> None:
    """Forks for each request, until the other end is gone."""
    while True:
        head, files, _, _ = socket.recv_fds(requests, 8, 4)
        if not head:
            return
        said = requests.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if os.fork() == 0:
            requests.close()
            _keep(socket.socket(fileno=files[0]), files[1:], said)
        for number in files:
            os.close(number)


def _keep(answers: socket.socket, streams: list[int], said: bytes) -> None:
    """Forks once more, answers with the number of the process, and with its exit code when it has ended."""
    child = os.fork()
    if child == 0:
        answers.close()
        _become(streams, **json.loads(said))
    for number in streams:
        os.close(number)
    with suppress(BrokenPipeError):
        answers.sendall(_number(child))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        answers.sendall(_number(code))
    os._exit(0)


def _become(streams: Sequence[int], words: list[str], variables: dict[str, str], cwd: str) -> None:
    """Is the program, and ends the process with it."""
    code: object = 70
    try:
        for place, number in enumerate(streams):
            os.dup2(number, place)
            os.close(number)
        sys.stdin = os.fdopen(0, closefd=False)
        sys.stdout = os.fdopen(1, "w", closefd=False, errors=sys.stdout.errors)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False, errors=sys.stderr.errors)
        os.setsid()  # so that it can be ended with all that it has started
        os.environ.clear()
        os.environ.update(variables)
        os.chdir(cwd)
        sys.path[:0] = [folder for folder in variables.get("PYTHONPATH", "").split(os.pathsep) if folder]
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if "bench" in sys.modules:
            _fork_workers()
        _program(words)()
        code = 0
    except SystemExit as end:
        code = 0 if end.code is None else end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


def _program(words: list[str]) -> Callable[[], Any]:
    if words[0] == "-c":
        return lambda: exec(words[1], {"__name__": "__main__"})
    if words[0] == "bench":
        from bench.cli.main import main

        sys.argv = words
        return main
    sys.argv = words
    sys.path.insert(0, str(Path.cwd()))
    return lambda: runpy.run_module(words[0], run_name="__main__", alter_sys=True)


def _fork_workers() -> None:
    """The workers of a run are forks of it, and keep none of its pipes: a worker goes when its pipe has ended.

    None begins while another thread beats for claims: in the fork nobody would ever open the lock again.
    """
    from bench import claiming
    from bench.runs.engines import workers

    guard = claiming._heart._guard
    os.register_at_fork(before=guard.acquire, after_in_parent=guard.release, after_in_child=guard.release)

    begun: WeakSet[workers.Worker] = WeakSet()

    class Worker(workers.Worker):
        def __init__(self, root: str) -> None:
            begun.add(self)
            super().__init__(root)

    def let_go() -> None:
        for worker in list(begun):
            if hasattr(worker, "pipe"):
                worker.pipe.close()

    os.register_at_fork(after_in_child=let_go)
    workers.START = "fork"  # type: ignore[assignment]
    workers.Worker = Worker  # type: ignore[misc]


if __name__ == "__main__":
    if sys.argv[2] == "ours":
        sys.path.insert(1, str(Path(__file__).parents[1]))  # tests/bench is not bench
        import imported_by_workers  # noqa: F401

        del sys.path[1]
    else:
        import llvmlite  # noqa: F401
        import numba
        import torch  # noqa: F401

        numba.njit(lambda: 0)()
    del sys.path[0]
    _serve(socket.socket(fileno=int(sys.argv[1])))
