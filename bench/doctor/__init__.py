"""What ``bench doctor`` finds out about an installation and the machine it is on: what is slow or broken, and why."""

from __future__ import annotations

from pathlib import Path

from bench.doctor.finding import Finding, State
from bench.doctor.installation import installation
from bench.doctor.machine import machine
from bench.doctor.place import compiled_code, place

__all__ = ["Finding", "State", "examine"]


def examine(out: Path) -> list[Finding]:
    """All findings, in the order in which they are printed.

    Args:
        out: the folder of corpora, encoders and results; it need not exist.
    """
    return [*installation(), *machine(), *compiled_code(), *place(out)]
