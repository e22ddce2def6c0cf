"""Making a corpus once, however many processes want it at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path

from bench.claiming import claimed, tidy
from bench.errors import BenchError
from bench.files import set_aside
from bench.progress import note


def check_free(folder: Path) -> None:
    """Raises where something stands in the place of a corpus that is about to be made; what a killed process has left
    beside a corpus that it had finished is removed.

    Raises:
        BenchError: it is there already.
    """
    if folder.exists():
        tidy(folder)
        raise taken(folder)


def taken(folder: Path) -> BenchError:
    """That a corpus cannot be made where something stands."""
    return BenchError("is there already", where=str(folder), fix="choose another --to or remove it")


@contextmanager
def to_be_made(folder: Path, damage: Callable[[], str] = lambda: "") -> Iterator[bool]:
    """Holds the claim on a corpus folder; the block gets whether there is still anything to make.

    What is there and damaged is set aside, and said.

    Folders above it that were made for it go again where making it fails, if nobody put anything else into them.
    Where another process is at it, on this or another machine, this one says so and waits, and then finds what the
    other made; see :mod:`bench.claiming`.

    Args:
        folder: where the corpus shall stand.
        damage: what is wrong with the one that stands there; empty for nothing. By default nobody looks.
    """
    if folder.exists() and not damage():
        tidy(folder)
        yield False
        return
    new = list(takewhile(lambda parent: not parent.exists(), folder.parents))  # the innermost first
    try:
        with claimed(folder, lambda holder: note(f"{folder} is being made by {holder}; waiting for it")):
            if folder.exists() and (what := damage()):
                aside = set_aside(folder)
                note(f"{what}; {folder} is set aside{f' as {aside.name}' if aside else ''}, and made again")
            yield not folder.exists()
    except BaseException:
        with suppress(OSError):  # not empty: it is somebody else's too
            for parent in new:
                parent.rmdir()
        raise
