"""The console that commands print tables on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from bench.printable import visible

if TYPE_CHECKING:
    from rich.console import Console

_WIDE = 160  # columns where standard output is no terminal: wide enough for a table of everything


def console(err: bool = False) -> Console:
    """Standard output or error, as wide as the terminal it is, or wide where it is none."""
    from bench.reports.fitting import PlainConsole

    terminal = (sys.stderr if err else sys.stdout).isatty()
    return PlainConsole(width=None if terminal else _WIDE, stderr=err)


def echo(text: str = "", err: bool = False, nl: bool = True) -> None:
    """Prints a text as it is, but for control characters: names in it may be strangers'. JSON stays JSON."""
    typer.echo(visible(text), err=err, nl=nl)


def say(text: str, err: bool = False) -> None:
    """Prints a paragraph, wrapped between words where it goes to a terminal, as one line elsewhere."""
    terminal = (sys.stderr if err else sys.stdout).isatty()
    console(err).print(text, highlight=False, markup=False, soft_wrap=not terminal)
