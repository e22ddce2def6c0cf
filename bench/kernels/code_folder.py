"""The folders of machine code: one for each version of the sources, of which the latest few are kept."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from numba import config
from numba.core.compiler_lock import global_compiler_lock
from numba.misc.appdirs import AppDirs

_PREFIX = "compiled-"
_KEPT = 4
"""Versions kept beside each other, for those who go back and forth between them."""
_held: set[Path] = set()
"""Those whose lock this process holds; guarded by numba's compiler lock."""


@cache
def code_folder(sources: Path, version: str) -> Path | None:
    """The folder of a version of the sources in a folder, made if need be; the versions that were not used for longest
    are removed.

    It is beside the sources, or in the user's cache where these cannot be written; ``NUMBA_CACHE_DIR`` comes before
    both. None without a version or a place to write: everything is then compiled again in each process.
    """
    for root in code_roots(sources) if version else ():
        folder = root / f"{_PREFIX}{version}"
        with suppress(OSError):
            root.mkdir(parents=True, exist_ok=True)
            with one_process(root):
                folder.mkdir(exist_ok=True)
                tempfile.TemporaryFile(dir=folder).close()  # it may be there and not be ours to write
                os.utime(folder)
                for old in sorted(root.glob(f"{_PREFIX}*"), key=_last_use, reverse=True)[_KEPT:]:
                    shutil.rmtree(old, ignore_errors=True)
            return folder
    return None


@contextmanager
def one_process(root: Path | None) -> Iterator[None]:
    """Holds the lock of the folder that the versions are in; a process that wants it too waits.

    Without a folder, or where the file system knows no locks, nobody waits.
    numba's own lock comes first: a thread that compiles something else holds it when it gets here.
    """
    with global_compiler_lock:
        if root is None or root in _held:  # a function that is compiled compiles those that it calls
            yield
            return
        with _locked(root / "compiling.lock"):
            _held.add(root)
            try:
                yield
            finally:
                _held.remove(root)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    try:
        import fcntl

        stream = file.open("a")
    except (ImportError, OSError):
        yield
        return
    with stream:
        with suppress(OSError):  # some network file systems know no locks
            fcntl.flock(stream, fcntl.LOCK_EX)
        try:
            yield
        finally:
            with suppress(OSError):
                fcntl.flock(stream, fcntl.LOCK_UN)  # closing is not enough: a forked process may hold it open too


def code_roots(sources: Path) -> Iterator[Path]:
    """Where compiled code of the sources in a folder may be kept, the first choice first."""
    package = f"{sources.parent.name}.{sources.name}"
    if chosen := getattr(config, "CACHE_DIR", ""):
        yield Path(chosen) / "session-bench" / package
    yield sources / "__pycache__"
    yield Path(AppDirs(appname="session-bench", appauthor=False).user_cache_dir) / package


def _last_use(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:  # somebody else has removed it
        return 0.0
