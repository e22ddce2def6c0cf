"""The console that commands print tables on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_WIDE = 160  # columns where standard output is no terminal: wide enough for a table of everything


def console(err: bool = False) -> Console:
    """Standard output or error, as wide as the terminal it is, or wide where it is none."""
    from rich.console import Console

    terminal = (sys.stderr if err else sys.stdout).isatty()
    return Console(width=None if terminal else _WIDE, stderr=err)


def say(text: str, err: bool = False) -> None:
    """Prints a paragraph, wrapped between words where it goes to a terminal, as one line elsewhere."""
    terminal = (sys.stderr if err else sys.stdout).isatty()
    console(err).print(text, highlight=False, markup=False, soft_wrap=not terminal)
