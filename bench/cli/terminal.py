"""The console that commands print tables on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_WIDE = 160  # columns where standard output is no terminal: wide enough for a table of everything


def console() -> Console:
    """Standard output, as wide as the terminal it is, or wide where it is none."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _WIDE)


def say(text: str) -> None:
    """Prints a paragraph, wrapped between words where standard output is a terminal."""
    console().print(text, highlight=False, markup=False, soft_wrap=not sys.stdout.isatty())
