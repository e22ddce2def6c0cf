"""Errors that are for people: one line that says what is wrong, where, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from bench.printable import one_line


class BenchError(Exception):
    """Wrong usage or bad input. The command line prints it as one line and exits with 2.

    Args:
        what: what is wrong, in a few words.
        where: the file, row, column or key it stands in.
        fix: what to do about it.
    """

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        self.what, self.where, self.fix = what, where, fix
        line = what if where is None else f"{where}: {what}"
        line = line if fix is None else f"{line} ({fix})"
        super().__init__(one_line(line))


def did_you_mean(name: str, known: Iterable[str], most: int = 3) -> str:
    """A suggestion for a misspelt name: the nearest known ones, ``most`` of them, else all."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=most, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(near) + "?"
    return "known: " + ", ".join(known) if known else "none is known"
