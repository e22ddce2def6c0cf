"""How commands give out tables: formats of files, and standard output."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.cli.choices import names
from bench.cli.terminal import echo

if TYPE_CHECKING:
    from bench.reports.table import Table


def chosen_formats(text: str) -> list[str]:
    """The formats of a comma-separated ``--format``; all without one.

    Raises:
        BenchError: one is no format.
    """
    from bench.errors import BenchError, did_you_mean
    from bench.reports.writers import WRITERS

    chosen = names(text) or list(WRITERS)
    for ending in chosen:
        if ending not in WRITERS:
            raise BenchError(f"no format {ending!r}", where="--format", fix=did_you_mean(ending, WRITERS))
    return chosen


def give_out(tables: Sequence[Table], as_json: bool) -> None:
    """Prints tables: as JSON, as wide as the terminal, or as Markdown where standard output is no terminal."""
    from bench.reports.writers import WRITERS, markdown

    if as_json:
        echo(WRITERS["json"](tables))
    elif sys.stdout.isatty():
        from bench.cli.terminal import console
        from bench.reports.terminal import print_tables

        print_tables(tables, console())
    else:
        echo(markdown(tables))
