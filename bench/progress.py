"""How long work tells how far it is, and lines that it says to people on the way."""

from __future__ import annotations

import os
import sys
import textwrap
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


def print_line(line: str) -> None:
    """A line on standard error; on a terminal it wipes a progress line under way, and is broken between words alone."""
    if sys.stderr.isatty():  # long words are left whole: a path can be copied
        pieces = textwrap.wrap(line, _terminal_width(), break_long_words=False, break_on_hyphens=False)
        line = _WIPE + "\n".join(pieces)
    print(line, file=sys.stderr, flush=True)


def print_over(what: str = "", state: str = "") -> None:
    """A line on a terminal that the next one wipes; one that went on below would stay, so a long ``what`` is cut."""
    room = _terminal_width() - 1 - len(state)
    what = what if len(what) <= room else what[: max(room - 1, 0)] + "…"
    print(_WIPE + what + state, end="", file=sys.stderr, flush=True)


def _terminal_width() -> int:
    """Columns of the terminal that standard error is."""
    return os.get_terminal_size(sys.stderr.fileno()).columns or _COLUMNS


def _print(line: str) -> None:
    print_line(f"bench: {one_line(line)}")


_WIPE = "\r\x1b[K"
_COLUMNS = 80  # of a terminal that does not say
_say: Callable[[str], None] = _print
