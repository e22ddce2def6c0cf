"""Errors that are for people: one line that says what is wrong, where, and what to do."""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable

from bench.printable import one_line, said

_LONGEST = 3_000  # characters of a part of an error: what somebody typed may stand in it


class BenchError(Exception):
    """Wrong usage or bad input. The command line prints it as one line and exits with 2.

    Args:
        what: what is wrong, in a few words.
        where: the file, row, column or key it stands in.
        fix: what to do about it.
    """

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        self.what, self.where, self.fix = what, where, fix
        line = shortened(what, _LONGEST) if where is None else f"{shortened(where, 400)}: {shortened(what, _LONGEST)}"
        line = line if fix is None else f"{line} ({shortened(fix, _LONGEST)})"
        super().__init__(one_line(line))


_FIXES = {
    errno.ENOSPC: "free some, or name a folder on another disk; what was finished is kept",
    errno.EDQUOT: "free some, or name a folder on another disk; what was finished is kept",
    errno.EFBIG: "raise the limit of a file's size, or name a folder on another disk",
    errno.EROFS: "name a folder that can be written to",
    errno.EACCES: "name a folder that may be read and written, or ask who owns it",
    errno.EPERM: "name a folder that may be read and written, or ask who owns it",
    errno.ENOTDIR: "a file stands where a folder should be",
    errno.EEXIST: "a file stands where a folder should be, or it is there already",
    errno.EISDIR: "a folder stands where a file should be",
    errno.ENAMETOOLONG: "give it a shorter name",
    errno.ENOENT: "check the path",
    errno.EMFILE: "raise the limit of open files (ulimit -n), or lower --jobs",
    errno.ELOOP: "a link leads back to itself",
}


def system_error(error: OSError) -> BenchError:
    """What the system refused, as an error for people: a full disk, a folder that cannot be written to, a long name."""
    what = error.strerror or said(error) or type(error).__name__
    where = None if error.filename is None else shortened(os.fsdecode(error.filename))
    return BenchError(
        what[:1].lower() + what[1:] if what[1:2].islower() else what, where=where, fix=_FIXES.get(error.errno or 0)
    )


def shortened(text: str, most: int = 200) -> str:
    """A text with its middle left out where it is long."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-most // 2 :]}"


def quoted(value: object) -> str:
    """A value from a file as Python writes it, for errors: cut where it is long."""
    try:
        return shortened(repr(value))
    except (RecursionError, ValueError):  # nested too deep; a number of thousands of digits
        return f"a {type(value).__name__} that is too long to be shown"


def did_you_mean(name: str, known: Iterable[str], most: int = 3) -> str:
    """A suggestion for a misspelt name: the nearest known ones, ``most`` of them, else all."""
    known = sorted(known)
    near = difflib.get_close_matches(name[:100], known, n=most, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(near) + "?"
    return "known: " + ", ".join(known) if known else "none is known"
