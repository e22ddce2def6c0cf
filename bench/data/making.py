"""Making a corpus once, however many processes want it at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path

from bench.claiming import claimed, tidy
from bench.progress import note


@contextmanager
def to_be_made(folder: Path) -> Iterator[bool]:
    """Holds the claim on a corpus folder; the block gets whether there is still anything to make.

    Folders above it that were made for it go again where making it fails, if nobody put anything else into them.
    Where another process is at it, on this or another machine, this one says so and waits, and then finds what the
    other made; see :mod:`bench.claiming`.
    """
    if folder.exists():
        tidy(folder)
        yield False
        return
    new = list(takewhile(lambda parent: not parent.exists(), folder.parents))  # the innermost first
    try:
        with claimed(folder, lambda holder: note(f"{folder} is being made by {holder}; waiting for it")):
            yield not folder.exists()
    except BaseException:
        with suppress(OSError):  # not empty: it is somebody else's too
            for parent in new:
                parent.rmdir()
        raise
