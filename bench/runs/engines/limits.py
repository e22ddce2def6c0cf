"""Limits of a job: how much memory it may take, and how much it takes."""

from __future__ import annotations

import re
from pathlib import Path

from bench.errors import BenchError

LOOK_EVERY = 0.2
"""Seconds between two looks at the memory of workers."""

LEAST = 256 << 20
"""Bytes: less than a worker takes before it has begun, with torch imported."""

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s?([KMGT]?)(i?)B?", re.IGNORECASE)
_OWN = re.compile(r"^(?:RssAnon|RssShmem|VmSwap):\s+(\d+) kB", re.MULTILINE)


def bytes_of(text: str, where: str) -> int:
    """A size such as ``4GB`` (10⁹ bytes each) or ``4GiB`` (2³⁰), in bytes.

    Raises:
        BenchError: it is no size, or less than a worker takes before it has begun.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise BenchError(f"{text[:40]!r} is no size", where=where, fix="such as 4GB or 512MiB")
    number, prefix, binary = found.groups()
    size = float(number) * (1024 if binary else 1000) ** " KMGT".index(prefix.upper() or " ")
    if not LEAST <= size < 2**63:
        raise BenchError(
            f"{text[:40]} is {'less' if size < LEAST else 'more'} than is possible",
            where=where,
            fix=f"at least {LEAST >> 20}MiB: a worker takes that much before it begins",
        )
    return int(size)


def memory_limit(text: str | None, where: str) -> int | None:
    """The bytes of a limit that somebody typed; None for none.

    Raises:
        BenchError: it is no size, or this system has no ``/proc``, which tells how much a process takes.
    """
    if text is None:
        return None
    if not _OWN.search(_read(Path("/proc/self/status"))):
        raise BenchError("this system does not say how much memory a process takes", where=where, fix="leave it out")
    return bytes_of(text, where)


def memory_of(process: int) -> int:
    """Bytes that a process and its descendants have to themselves; 0 of one that is gone.

    Mapped files, a corpus above all, do not count: the system drops their pages when memory is short. What counts is
    what a limit of address space would miss by far, since torch reserves more than it ever touches.
    """
    total, pending = 0, [process]
    while pending:
        place = Path("/proc", str(pending.pop()))
        total += 1024 * sum(map(int, _OWN.findall(_read(place / "status"))))
        for children in place.glob("task/*/children"):
            pending += map(int, _read(children).split())
    return total


def written_bytes(size: int) -> str:
    """``4.1 GB``."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:  # the process has ended
        return ""
