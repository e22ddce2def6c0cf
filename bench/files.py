"""Files that are there whole or not at all, and TOML tables read strictly."""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import platform
import re
import shutil
import tomllib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.errors import BenchError, did_you_mean, quoted, shortened

BROKEN = ".broken-"
"""Between the name of what was set aside and its number."""
_WRITING = ".writing-"
_EARLIER = "-earlier"
_ON_THE_WAY = re.compile(r"(\.work|\.claim-.*)?")  # after a name: its scratch folder, a claim on it
_REQUIRED = object()
_LONGEST_TOML = 4 << 20  # bytes: people write thousands of lines, nobody millions
_MOST_PARTS = 100  # of a dotted key
_KEY_ENDS = re.compile(r"[=\n{},]")


@contextmanager
def written_whole(file: Path) -> Iterator[Path]:
    """A name beside ``file`` to write to; it is renamed to ``file``, replacing what is there, when the block succeeds.

    The name is this process's own, so that two processes may write the same file: the last one stands, whole.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    writing = beside(file)
    try:
        yield writing
        writing.replace(file)
    finally:
        writing.unlink(missing_ok=True)


@contextmanager
def folder_written_whole(folder: Path, keep: Callable[[], bool] = lambda: False) -> Iterator[Path]:
    """A folder beside ``folder`` to write into; it takes its place when the block succeeds.

    Args:
        folder: replaced where it exists; readers that have opened a file of it may go on reading.
        keep: asked before a replacement; where it says yes, what is there stays and what was written is dropped.
    """
    writing = beside(folder)
    shutil.rmtree(writing, ignore_errors=True)
    writing.mkdir(parents=True)
    try:
        yield writing
        take_place(writing, folder, keep)
    finally:
        shutil.rmtree(writing, ignore_errors=True)


@contextmanager
def files_written_whole(folder: Path) -> Iterator[Path]:
    """A folder to write files into; they are moved to ``folder``, which may hold others, when the block succeeds."""
    sweep(folder.parent, folder.name)
    writing = beside(folder)
    shutil.rmtree(writing, ignore_errors=True)
    writing.mkdir(parents=True)
    try:
        yield writing
        folder.mkdir(parents=True, exist_ok=True)
        for file in writing.iterdir():
            file.replace(folder / file.name)
    finally:
        shutil.rmtree(writing, ignore_errors=True)


@contextmanager
def scratch(place: Path) -> Iterator[Path]:
    """An empty folder beside ``place`` for what is needed on the way to it; removed when the block ends."""
    folder = beside(place.with_name(f"{place.name}.work"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def beside(place: Path) -> Path:
    """The name under which this process writes what shall stand at ``place``: it ends in ``.writing-PID@HOST``."""
    return place.with_name(f"{place.name}{_WRITING}{os.getpid()}@{node()}")


def node() -> str:
    """The name of this machine; ``BENCH_NODE`` where it has none of its own among those that share a folder."""
    return os.environ.get("BENCH_NODE") or platform.node()


def take_place(writing: Path, folder: Path, keep: Callable[[], bool] = lambda: False) -> None:
    """Renames the folder ``writing`` to ``folder``. An earlier one may stand there, or another process be as fast."""
    while True:
        try:
            writing.rename(folder)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        if keep():
            return
        earlier = writing.with_name(f"{writing.name}{_EARLIER}")
        with suppress(FileNotFoundError):
            folder.rename(earlier)
        shutil.rmtree(earlier, ignore_errors=True)


def set_aside(place: Path) -> Path | None:
    """Renames what is broken to ``NAME.broken-1``, or the next number that is free, so that nothing is lost.

    Returns:
        the new name; None where there is nothing any more: another process has just done it.
    """
    number = 1
    while True:
        aside = place.with_name(f"{place.name}{BROKEN}{number}")
        try:
            if not aside.exists():
                place.rename(aside)
                return aside
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # another process has taken the number
                raise
        number += 1


def sweep(folder: Path, name: str = "", gone: str | None = None) -> None:
    """Removes what processes of this machine that no longer run left half-written in ``folder``.

    Args:
        folder: looked at without its subfolders.
        name: of what they were writing, with what they needed on the way; empty for whatever it was.
        gone: another machine, of which it is known that nobody there is at it any more.
    """
    for writing in folder.glob(f"{glob.escape(name)}*{_WRITING}*@*"):
        if name and not _ON_THE_WAY.fullmatch(writing.name.rpartition(_WRITING)[0][len(name) :]):
            continue
        if is_abandoned(writing) or _writer(writing)[1] == gone:
            if writing.is_dir():
                shutil.rmtree(writing, ignore_errors=True)
            else:
                writing.unlink(missing_ok=True)


def is_there(place: Path) -> bool:
    """Whether a file or folder has this path; no, where none could have it, for which pathlib raises.

    To be asked of what a person typed, which may be meant as something else than a path.

    Raises:
        OSError: the system does not say, for want of permission for instance.
    """
    try:
        return place.exists()
    except ValueError:
        return False
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise


def is_being_written(place: Path) -> bool:
    """Whether a name is one under which some process writes what shall stand beside it."""
    return _WRITING in place.name


def is_abandoned(writing: Path) -> bool:
    """Whether the process that writes under such a name was one of this machine and no longer runs."""
    number, machine = _writer(writing)
    return machine == node() and number.isdigit() and not runs(int(number))


def _writer(writing: Path) -> tuple[str, str]:
    """The number of the process that writes under such a name, and its machine."""
    number, _, machine = writing.name.rpartition(_WRITING)[2].removesuffix(_EARLIER).partition("@")
    return number, machine


def hold(folder: Path, waiting: Callable[[], None] = lambda: None) -> int | None:
    """Joins those who use a folder, until the descriptor that is returned is closed; waits for one that has it alone.

    ``waiting`` is called once where there is such a one.

    The lock is ``flock``'s, on the folder itself, so that nothing is left of it. None where there is no such folder, or
    the file system knows no locks.
    """
    handle = None
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(handle, fcntl.LOCK_SH)
    except OSError:
        if handle is not None:
            os.close(handle)
        return None
    return handle


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Says whether no process uses a folder (:func:`hold`), and lets none begin to until the block ends."""
    handle = None
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = True
    except OSError:
        free = False
    try:
        yield free
    finally:
        if handle is not None:
            os.close(handle)


def runs(number: int) -> bool:
    """Whether this machine has a process with this number.

    One that has ended and waits for its parent to notice runs no more; in a container without an init of its own it may
    wait for ever.
    """
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        return Path("/proc", str(number), "stat").read_bytes().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except (OSError, IndexError):  # no such file: another system
        return True


def read_toml(file: Path, fix: str | None = None) -> dict[str, Any]:
    """The values of a TOML file.

    Raises:
        FileNotFoundError: there is none; what that means the caller knows.
        BenchError: it cannot be read, or is not TOML; see :func:`parsed_toml`.
    """
    if not is_there(file):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file))
    if file.stat().st_size > _LONGEST_TOML:
        raise BenchError(f"longer than {_LONGEST_TOML >> 20} MiB", where=str(file), fix=fix or "no such file is")
    try:
        return parsed_toml(file.read_text(encoding="utf-8-sig"), str(file), fix)
    except UnicodeDecodeError as error:
        raise BenchError(f"not UTF-8: {error.reason} at byte {error.start:,}", where=str(file), fix=fix) from None


def parsed_toml(text: str, where: str, fix: str | None = None) -> dict[str, Any]:
    """The values of a text in TOML.

    Raises:
        BenchError: it is not TOML, is nested too deep, or holds a number of thousands of digits.
    """
    if any(piece.count(".") > _MOST_PARTS for piece in _KEY_ENDS.split(text)):  # the parser takes their cube
        raise BenchError(f"not TOML that can be read: a key of more than {_MOST_PARTS} parts", where=where, fix=fix)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BenchError(f"not TOML: {shortened(str(error))}", where=where, fix=fix) from None
    except RecursionError:
        raise BenchError("not TOML that can be read: nested too deep", where=where, fix=fix) from None
    except ValueError as error:  # a number that Python does not read; a day that is none
        raise BenchError(f"not TOML that can be read: {shortened(str(error))}", where=where, fix=fix) from None


class StrictTable:
    """A TOML table that knows which of its keys were meant.

    Args:
        values: as parsed.
        where: the file, and the table's own key in it.
        known: keys that it may have.

    Raises:
        BenchError: a key that is not known, with the nearest one that is; or no table at all.
    """

    def __init__(self, values: Any, where: str, known: Collection[str]) -> None:
        if not isinstance(values, dict):
            raise BenchError("is not a table", where=where, fix="such as [settings]")
        self.values, self.where = values, where
        for key in values:
            if key not in known:
                raise BenchError(f"unknown key {shortened(key)!r}", where=where, fix=did_you_mean(key, known))

    def at(self, key: str) -> str:
        """Where a key stands, for errors."""
        return f"{self.where}: {key}" if self.where.endswith(".toml") else f"{self.where}.{key}"

    def text(self, key: str, default: Any = _REQUIRED) -> str:
        """A string."""
        text: str = self._typed(key, str, "a string", default)
        return text

    def whole(self, key: str, default: Any = _REQUIRED) -> int:
        """A whole number."""
        number: int = self._typed(key, int, "a whole number", default)
        return number

    def texts(self, key: str, default: Any = _REQUIRED) -> tuple[str, ...]:
        """A list of distinct strings, one at least."""
        if key not in self.values and default is not _REQUIRED:
            return tuple(default)
        found = self._typed(key, list, "a list of strings", _REQUIRED)
        if not found or not all(isinstance(one, str) for one in found):
            raise BenchError("is not a list of strings", where=self.at(key))
        if len(set(found)) < len(found):
            raise BenchError("holds a name twice", where=self.at(key), fix="leave one of them out")
        return tuple(found)

    def mapping(self, key: str) -> dict[str, str]:
        """A table of strings; empty where there is none."""
        found = self.values.get(key, {})
        if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
            raise BenchError("is not a table of strings", where=self.at(key))
        return dict(found)

    def tables(self, key: str, known: Collection[str]) -> list[StrictTable]:
        """The tables of an array, each with its number from 1."""
        found = self.values.get(key, [])
        if not isinstance(found, list):
            raise BenchError("is not an array of tables", where=self.at(key), fix=f"write [[{key}]]")
        return [StrictTable(one, f"{self.at(key)}[{number}]", known) for number, one in enumerate(found, 1)]

    def _typed(self, key: str, kind: type, article: str, default: Any) -> Any:
        if key not in self.values:
            if default is _REQUIRED:
                raise BenchError(f"the key {key!r} is missing", where=self.where)
            return default
        value = self.values[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise BenchError(f"{quoted(value)} is not {article}", where=self.at(key))
        return value


def settings_of(values: Any, where: str, component: bool = False) -> tuple[str, ...]:
    """``KEY=VALUE`` lines of a table of settings; a component's own stand under its name (``ctr.epochs = 5``).

    Args:
        values: the table.
        where: it stands.
        component: whether it is that of one component.

    Raises:
        BenchError: a value that no option can have.
    """
    if not isinstance(values, dict):
        raise BenchError("is not a table", where=where, fix="such as [settings]")
    lines: list[str] = []
    for key, value in values.items():
        if isinstance(value, dict) and not component:
            lines += [f"{key}.{line}" for line in settings_of(value, f"{where}.{key}", component=True)]
        elif isinstance(value, bool):
            lines.append(f"{key}={str(value).lower()}")
        elif isinstance(value, int | float | str):
            lines.append(f"{key}={value}")
        else:
            raise BenchError(f"{quoted(value)} is no value of an option", where=f"{where}.{key}")
    return tuple(lines)
