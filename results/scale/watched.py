"""A command run to its end, with the processor time that it took and the memory that it had to itself."""

from __future__ import annotations

import resource
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

_EVERY = 0.2  # seconds between two looks


@dataclass(frozen=True)
class Cost:
    """What a command cost.

    Attributes:
        processor_s: user and system time of it and of its children; it does not depend on who else uses the machine.
        wall_s: time that passed.
        anonymous_mb: the most memory that it and its children had to themselves at a time (``RssAnon``). Pages of
            mapped files do not count: the system takes them back when it wants.
    """

    processor_s: float
    wall_s: float
    anonymous_mb: float


def run_watched(command: list[str], log: Path) -> Cost:
    """Runs a command; what it prints goes to ``log``.

    Raises:
        CalledProcessError: it failed.
    """
    before, started, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic(), 0
    with log.open("w") as printed, subprocess.Popen(command, stdout=printed, stderr=printed) as process:
        while process.poll() is None:
            peak = max(peak, sum(map(_anonymous, _family(process.pid))))
            time.sleep(_EVERY)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, log.read_text()[-2_000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Cost(processor, time.monotonic() - started, peak / 1024)


def _family(process: int) -> list[int]:
    """A process and all that came of it, as the kernel lists them."""
    found = [process]
    for one in found:  # grows as it is read
        try:
            threads = list(Path(f"/proc/{one}/task").iterdir())
            found += [int(child) for thread in threads for child in (thread / "children").read_text().split()]
        except OSError:
            continue  # it has ended
    return found


def _anonymous(process: int) -> int:
    """kB that a process has to itself; 0 of one that has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))
