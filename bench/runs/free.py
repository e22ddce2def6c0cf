"""Freeing what nobody needs in a folder of results: what ``bench gc`` does."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from bench.errors import BenchError, did_you_mean
from bench.files import beside
from bench.runs.inventory import KINDS, Kept, Needless

ALWAYS: tuple[Needless, ...] = ("set aside", "half-written", "checkpoints")
"""Freed whoever runs: no process reads these."""

ASKED: tuple[Needless, ...] = ("encoders", "embeddings", "corpora", "outdated")
"""Freed where they are named, and only while no process uses the folder: a plan may count on them."""


def checked_classes(named: Sequence[str]) -> tuple[Needless, ...]:
    """The classes to be freed: those that always are, and those named.

    Raises:
        BenchError: no class is called so.
    """
    for name in named:
        if name not in ASKED:
            raise BenchError(f"{name!r} is nothing that can be freed", where="--also", fix=did_you_mean(name, ASKED))
    return (*ALWAYS, *(one for one in ASKED if one in named))


def freeable(found: Sequence[Kept], classes: Collection[str], unused: bool) -> list[Kept]:
    """What of a store would be freed.

    Args:
        found: what is in it.
        classes: those to be freed.
        unused: whether no process uses the store.
    """
    return [one for one in found if one.needless in classes and (unused or one.needless in ALWAYS)]


def free(root: Path, one: Kept) -> None:
    """Removes one thing of the store in ``root``; renamed first, so that nothing is ever half there.

    Raises:
        BenchError: it is not in a folder of the store.
    """
    if one.path.parent.parent != root or one.kind not in KINDS or one.path.parent.name != one.kind:
        raise BenchError("is in no folder of the store", where=str(one.path))
    going = beside(one.path)
    with suppress(FileNotFoundError):  # another process was as fast
        one.path.rename(going)
        if going.is_dir() and not going.is_symlink():
            shutil.rmtree(going, ignore_errors=True)
        else:
            going.unlink(missing_ok=True)
