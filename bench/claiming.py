"""One process does a piece of work, of all that share a folder, on whatever machine: a claim with a heartbeat.

A claim on ``PLACE`` is a small file beside it, ``PLACE.claim-1``. It names the process and the machine that hold it,
and begins with a count that this process raises every few seconds. Two clocks are never compared: who wants the claim
watches the count, and takes over when it has stood still for :func:`patience` of the watcher's own seconds. A process
of the watcher's own machine that no longer runs is known to be gone at once.

Who takes over a dead claim makes the one with the next number, which can be made once; so one of several takers has
it, and none removes the claim of another. The highest number counts. ``flock`` would be simpler, but over network file
systems it may hold for nobody.
"""

from __future__ import annotations

import errno
import glob
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.files import beside, node, runs, sweep

PATIENCE = "BENCH_CLAIM_PATIENCE"
"""The environment variable with the seconds after which a silent claim is taken over; the same on all machines."""

LOOK_EVERY = 0.5
"""Seconds between two looks at a claim of another process."""

_CLAIM = ".claim-"
_SECONDS = 60.0
_BEATS = 12  # in the time after which a claim is taken over: a machine may miss many of them
_DIGITS = 12
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def patience() -> float:
    """Seconds without a heartbeat after which a claim is taken over."""
    try:
        return max(float(os.environ[PATIENCE]), 1.0)
    except (KeyError, ValueError):
        return _SECONDS


@dataclass(frozen=True)
class Holder:
    """Who holds a claim.

    Attributes:
        node: the machine.
        pid: the process there.
        began: when it began, in the machine's own count, since numbers of processes come again; 0 if not known.
        space: which of the machine's containers counts its processes so; empty if not known.
    """

    node: str
    pid: int
    began: int
    space: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.node}"

    def is_gone(self) -> bool:
        """Whether it was a process of this machine, and no longer runs. Of other machines nothing is known."""
        if (self.node, self.space) != (node(), _space()):
            return False
        return not runs(self.pid) or _began(self.pid) != self.began


class Claim:
    """A claim of this process, with its heart beating until it is released.

    Attributes:
        place: what is claimed.
        after: who held it before and is gone; None where nobody did.
        lost: whether another process took it over: this one was silent for too long, suspended for example.
    """

    def __init__(self, place: Path, number: int, after: Holder | None) -> None:
        self.place, self.after, self.lost = place, after, False
        self._number, self._beats = number, 0
        self._token = secrets.token_hex(8)
        self._file = _file(place, number)

    def make(self) -> bool:
        """Makes the file, whole; says whether it is this claim's and not another's."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        pid = os.getpid()
        facts = {"node": node(), "pid": pid, "began": _began(pid), "space": _space(), "token": self._token}
        text = f"{0:0{_DIGITS}d}\n{json.dumps(facts)}\n".encode()
        writing = beside(self._file.with_name(f"{self._file.name}.{self._token}"))
        try:
            writing.write_bytes(text)
            try:
                os.link(writing, self._file)
            except FileExistsError:
                pass
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                return self._make_without_links(text)
            return writing.stat().st_nlink == 2  # a network file system may have linked it and say that it has not
        except FileNotFoundError:  # who failed to make what is claimed has just removed the folder
            return False
        finally:
            writing.unlink(missing_ok=True)

    def _make_without_links(self, text: bytes) -> bool:
        try:
            handle = os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        with os.fdopen(handle, "wb") as file:
            file.write(text)
        return True

    def is_mine(self) -> bool:
        """Whether the file is still that of this claim."""
        return self._token.encode() in (_text(self._file) or b"")

    def beat(self) -> None:
        """Raises the count, or finds out that the claim is lost."""
        try:
            with self._file.open("r+b", buffering=0) as file:
                if self._token.encode() not in file.read() or _file(self.place, self._number + 1).exists():
                    self.lost = True
                    return
                self._beats += 1
                file.seek(0)
                file.write(f"{self._beats:0{_DIGITS}d}".encode())
        except FileNotFoundError:
            self.lost = True
        except OSError:  # the disk is full, the network is away for now: the next beat may go through
            pass

    def withdraw(self) -> None:
        """Takes back a claim that was made in vain, and nothing else."""
        if self.is_mine():
            self._file.unlink(missing_ok=True)

    def release(self) -> None:
        """Gives the claim back, with the dead ones below it."""
        _heart.leave(self)
        with suppress(OSError):
            if self.is_mine():
                for number in sorted(_numbers(self.place)):  # its own last: until then nobody makes one below it
                    if number <= self._number:
                        _file(self.place, number).unlink(missing_ok=True)


class Claimant:
    """Takes claims for this process, and remembers since when those of others have been silent."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[bytes, float]] = {}

    def take(self, place: Path) -> Claim | None:
        """A claim on ``place``; None while another process holds one."""
        while True:
            number, text = _highest(place)
            if text is not None and not self._is_dead(place, text):
                return None
            claim = Claim(place, number + 1, _holder(text) if text is not None else None)
            if not claim.make():
                continue
            now = max(_numbers(place), default=0)
            if now == number + 1 and (text is None or _text(_file(place, number)) == text):
                self._seen.pop(place, None)
                _heart.join(claim)
                return claim
            claim.withdraw()  # it was made when the one that it was to follow had gone, or beat again

    def is_held(self, place: Path) -> bool:
        """Whether another process holds a claim on ``place`` and lives, as far as one can see."""
        text = _highest(place)[1]
        return text is not None and not self._is_dead(place, text)

    def _is_dead(self, place: Path, text: bytes) -> bool:
        holder = _holder(text)
        if holder is not None and holder.is_gone():
            return True
        known, since = self._seen.get(place, (b"", 0.0))
        if known != text:
            self._seen[place] = text, time.monotonic()
            return False
        return time.monotonic() - since > patience()


def other_node(claim: Claim) -> str | None:
    """The other machine whose process held a claim before and is gone; None where it was this one, or none."""
    return claim.after.node if claim.after is not None and claim.after.node != node() else None


def tidy(place: Path) -> None:
    """Removes what a process that was killed left of its claim on ``place``, which is made by now."""
    with suppress(OSError):  # it may be read-only
        if any(place.parent.glob(f"{glob.escape(place.name)}{_CLAIM}*")):
            sweep(place.parent, place.name)
            if (claim := Claimant().take(place)) is not None:
                claim.release()


def holder_of(place: Path) -> Holder | None:
    """Who holds the claim on ``place``; None where nobody does."""
    return _holder(_highest(place)[1] or b"")


@contextmanager
def claimed(place: Path, waiting: Callable[[str], None] = lambda holder: None) -> Iterator[None]:
    """Holds the claim on ``place``, so that of several processes one makes it and the others wait.

    What a dead process left half-written there is removed.

    Args:
        place: the file or folder about to be made.
        waiting: called once where another process holds the claim, with who it is.
    """
    claimant, told = Claimant(), False
    while (claim := claimant.take(place)) is None:
        if not told:
            waiting(str(holder_of(place) or "another process"))
            told = True
        time.sleep(LOOK_EVERY)
    try:
        sweep(place.parent, place.name, gone=other_node(claim))
        yield
    finally:
        claim.release()


class _Heart:
    """Beats for all claims of this process, in a thread that ends with it."""

    def __init__(self) -> None:
        self._claims: set[Claim] = set()
        self._guard = threading.Lock()
        self._process = 0

    def join(self, claim: Claim) -> None:
        with self._guard:
            self._claims.add(claim)
            if self._process != os.getpid():  # a fork has the object, and no thread
                self._claims, self._process = {claim}, os.getpid()
                threading.Thread(target=self._beat, name="claims", daemon=True).start()

    def leave(self, claim: Claim) -> None:
        with self._guard:
            self._claims.discard(claim)

    def _beat(self) -> None:
        while True:
            time.sleep(patience() / _BEATS)
            with self._guard:
                claims = list(self._claims)
            for claim in claims:
                if not claim.lost:
                    claim.beat()


_heart = _Heart()


def _file(place: Path, number: int) -> Path:
    return place.with_name(f"{place.name}{_CLAIM}{number}")


def _numbers(place: Path) -> list[int]:
    """The numbers of all claims on ``place``."""
    start = f"{place.name}{_CLAIM}"
    try:
        names = [file.name for file in place.parent.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [int(name[len(start) :]) for name in names if name.startswith(start) and name[len(start) :].isdigit()]


def _highest(place: Path) -> tuple[int, bytes | None]:
    """Number and contents of the claim that counts; ``(0, None)`` where there is none."""
    while numbers := _numbers(place):
        number = max(numbers)
        text = _text(_file(place, number))
        if text is not None:
            return number, text
    return 0, None


def _text(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


def _holder(text: bytes) -> Holder | None:
    """Who wrote a claim; None where it is not readable."""
    try:
        facts = json.loads(text.partition(b"\n")[2])
        return Holder(str(facts["node"]), int(facts["pid"]), int(facts["began"]), str(facts["space"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _began(pid: int) -> int:
    """When a process of this machine began, in ticks since the machine did; 0 where the system does not say."""
    try:
        return int(Path("/proc", str(pid), "stat").read_bytes().rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return 0


def _space() -> str:
    """The namespace in which this process has its number: containers of one name may share a folder."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
