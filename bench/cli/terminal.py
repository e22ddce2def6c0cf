"""The console that commands print tables on."""

from __future__ import annotations

import re
import sys
import textwrap
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
    from bench.reports.fitting import print_paragraph

    print_paragraph(text, console(err))


def lay_out(text: str) -> None:
    """Prints paragraphs, and blocks with indented columns: what is too wide for a terminal goes on below its column."""
    if not sys.stdout.isatty():
        echo(text)
        return
    width = console().width
    for number, block in enumerate(text.split("\n\n")):
        if number:
            echo()
        lines = block.split("\n")
        if not any(line.startswith(" ") for line in lines):
            lines = [" ".join(lines)]
        for line in lines:
            gaps = [gap.end() for gap in re.finditer(r"^ +|(?<=\S) {2,}", line)]
            indent = " " * (gaps[-1] if gaps and gaps[-1] <= width // 2 else 0)
            pieces = textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False)
            for piece in pieces if len(line) > width else [line]:
                echo(piece)
