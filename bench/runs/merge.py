"""Results of several folders in one: what ``bench merge`` does. Sources are read, never changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.errors import BenchError
from bench.files import folder_written_whole, scratch
from bench.runs.output import LOG
from bench.runs.store import RECORDS, Record, Store, is_done

Outcome = Literal["taken", "same", "failed", "conflict", "damaged"]


@dataclass(frozen=True)
class Merged:
    """What became of one result.

    Attributes:
        kind, key: which.
        source: the folder of results that it came from.
        outcome: ``taken``; ``same``: it was there; ``failed``: it failed, and there is one already; ``conflict``:
            another result of this key stays; ``damaged``: it does not have its checksums, and is left where it is.
        files: those that differ, of a conflict.
    """

    kind: str
    key: str
    source: str
    outcome: Outcome
    files: tuple[str, ...] = ()


def merge(sources: Sequence[Path], to: Path) -> Iterator[Merged]:
    """Copies every sound result of ``sources`` into ``to``, one by one, each whole or not at all.

    A result that is done stays as it is; a failed one gives way to one that is done, as it would to a new run. Merging
    again does nothing. Corpora are not copied: simulated ones are made again where they are needed.

    Raises:
        BenchError: a source holds no results, or is the target.
    """
    for source in sources:
        if not any((source / kind).is_dir() for kind in RECORDS):
            raise BenchError("holds no results", where=str(source), fix="name a folder such as runs")
        if source.resolve() == to.resolve():
            raise BenchError("is both a source and the target", where=str(source), fix="--to another folder")
    for source in sources:
        for kind in RECORDS:
            for place in sorted((source / kind).glob("*")):
                if place.is_dir() and "." not in place.name:  # with a dot: set aside, or being written
                    yield _merged(place, kind, source, Store(to))


def _merged(place: Path, kind: str, source: Path, store: Store) -> Merged:
    """Copies first and looks at the copy, so that what was looked at is what is kept."""
    key = place.name
    target = store.folder(kind, key)
    if (place / RECORDS[kind]).is_file() and not any(file.is_symlink() for file in place.rglob("*")):
        with scratch(target) as working:
            copy = Store(working)
            shutil.copytree(place, copy.folder(kind, key))
            theirs = copy.read(kind, key)
            if theirs is not None:
                ours = store.read(kind, key)
                if ours is None or (is_done(theirs) and not is_done(ours)):
                    with folder_written_whole(target, keep=lambda: store.is_done(kind, key)) as writing:
                        shutil.copytree(copy.folder(kind, key), writing, dirs_exist_ok=True)
                    return Merged(kind, key, str(source), "taken")
                if not is_done(theirs):
                    return Merged(kind, key, str(source), "failed")
                files = _differing(ours, theirs)
                return Merged(kind, key, str(source), "conflict" if files else "same", files)
    return Merged(kind, key, str(source), "damaged")


def _differing(ours: Record, theirs: Record) -> tuple[str, ...]:
    """Names of the files that are not the same in two results; what was printed on the way does not count."""
    one, other = ours["files"], theirs["files"]
    return tuple(name for name in sorted({*one, *other}) if name != LOG and _sum(one, name) != _sum(other, name))


def _sum(files: dict[str, dict[str, str]], name: str) -> str | None:
    return files[name]["sha256"] if name in files else None
