"""The most memory that a job took: what an engine that places jobs on machines asks for, for the next one like it."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

_PROCESS = Path("/proc/self")
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
_RESET_PEAK = "5"  # man 5 proc, clear_refs


def forget_peak() -> None:
    """Begins anew: a worker has carried out other jobs before. Where the system refuses it, the peak is theirs, too."""
    with suppress(OSError):
        (_PROCESS / "clear_refs").write_text(_RESET_PEAK)


def peak_memory() -> int | None:
    """Bytes that this process has held at most, pages of mapped files that were read included; None if nobody says."""
    with suppress(OSError):
        found = _PEAK.search((_PROCESS / "status").read_text())
        return None if found is None else 1024 * int(found[1])
    return None
