"""How long work tells how far it is, and lines that it says to people on the way."""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench.printable import one_line

Progress = Callable[[int, int], None]
"""A function of (done, total)."""


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


def note(line: str) -> None:
    """Says one line to people: on standard error, or wherever :func:`notes_to` sends it."""
    _say(line)


def notes_to(say: Callable[[str], None]) -> None:
    """Sends the notes of this process elsewhere: a worker's go to the process that shows the progress."""
    global _say
    _say = say


def _print(line: str) -> None:
    wipe = "\r\x1b[K" if sys.stderr.isatty() else ""  # a progress line may be under way
    print(f"{wipe}bench: {one_line(line)}", file=sys.stderr, flush=True)


_say: Callable[[str], None] = _print
