"""What stands in a folder of results: how much of it, what is broken, and what nobody needs. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.data.checks.file_checks import damaged_files
from bench.data.corpus import read_info
from bench.errors import BenchError
from bench.files import BROKEN, is_abandoned, is_being_written
from bench.progress import Progress, silent
from bench.runs.keys import key_of, trajectory_key
from bench.runs.provenance import library_versions
from bench.runs.source_version import source_version
from bench.runs.store import RECORDS, Record, Store, believed, is_done

KINDS = (*RECORDS, "checkpoints", "trajectories", "corpora")
"""Folders of a store; nothing outside them is looked at."""

Needless = Literal["", "set aside", "half-written", "checkpoints", "encoders", "embeddings", "corpora", "outdated"]
"""Why nobody needs something: it is broken and was set aside; the process that wrote it is gone; its pretraining is
finished; no cell refers to it (encoders, embeddings); it can be made again and no result names it (corpora); it is of
other sources or libraries than the present ones. Empty where it may be needed."""


@dataclass(frozen=True)
class Kept:
    """One thing in a store.

    Attributes:
        kind: the folder that it stands in.
        path: where.
        bytes: of all its files.
        damage: what is broken about it, empty where nothing is. What was set aside counts as needless, not as broken.
        needless: why nobody needs it.
    """

    kind: str
    path: Path
    bytes: int
    damage: str = ""
    needless: Needless = ""


def inventory(store: Store, progress: Progress = silent) -> list[Kept]:
    """Everything in a store; every file that has a checksum is read.

    What a living process, or one of another machine, is writing is left out, and so are links.

    Args:
        store: the folder of results.
        progress: told (done, total) of the things that are looked at.
    """
    places = [(kind, path) for kind in KINDS for path in sorted((store.root / kind).glob("*")) if not path.is_symlink()]
    found, records = [], _Records()
    for number, (kind, path) in enumerate(places, 1):
        found += list(_looked_at(kind, path, records))
        progress(number, len(places))
    return [_judged(one, records) for one in found]


class _Records:
    """What the sound records of a store say: which results there are, and which of them others refer to."""

    def __init__(self) -> None:
        self.done: set[str] = set()
        self.outdated: set[str] = set()
        self.referred: set[str] = set()
        self.trajectories: set[str] = set()
        self.corpora: set[str] = set()

    def add(self, kind: str, key: str, record: Record) -> None:
        """Takes in the record of a result."""
        config = record.get("config", {})
        if is_done(record):
            self.done.add(key)
        if not is_present(config):
            self.outdated.add(key)
        elif kind == "encoders":
            self.trajectories.add(trajectory_key(config))
        if kind == "cells":
            self.referred |= read_by(config)
        if "corpus" in config:
            self.corpora.add(config["corpus"]["fingerprint"])


def is_present(config: dict[str, Any]) -> bool:
    """Whether a configuration is one of the present sources and libraries, so that a run may still ask for its key."""
    parts = [config[part] for part in ("task", "baseline", "encoder", "start") if part in config]
    try:
        return (
            config["libraries"] == library_versions()
            and config["harness"] == source_version("bench.runs.work")
            and all(part["source"] == source_version(part["target"]) for part in parts)
        )
    except (KeyError, TypeError, SyntaxError):  # another form of record; a plugin that is being edited
        return False


def read_by(cell: dict[str, Any]) -> set[str]:
    """Keys of the embeddings and encoders that a cell of this configuration may read."""
    try:
        environment = {key: cell[key] for key in ("libraries", "harness", "device", "corpus")}
        encoder = {key: value for key, value in cell["encoder"].items() if key != "frozen"}
        pretraining = {**environment, "encoder": encoder, "seed": cell["seed"]}
        key = key_of({"encoder": pretraining})
        embedding = {**pretraining, "encoder_key": key, "task": cell["task"]}
        of_file = {**environment, "encoder": encoder, "seed": 0, "task": cell["task"]}
        found = {key, key_of({"embedding": embedding}), key_of({"embedding": of_file})}
        if "start" in cell:
            found.add(key_of({"encoder": {**pretraining, "encoder": cell["start"]}}))
    except (KeyError, TypeError, AttributeError):
        return set()
    return found


def _looked_at(kind: str, path: Path, records: _Records) -> Iterator[Kept]:
    if BROKEN in path.name:
        yield Kept(kind, path, size_of(path), needless="set aside")
    elif is_being_written(path):
        if is_abandoned(path):
            yield Kept(kind, path, size_of(path), needless="half-written")
    elif kind in RECORDS and path.is_dir() and "." not in path.name:
        record, damage = believed(path, kind)
        if damage:
            record, damage = believed(path, kind)  # another process may have replaced it in between
        if not damage:
            records.add(kind, path.name, record)
        yield Kept(kind, path, size_of(path), damage)
    elif kind in ("checkpoints", "trajectories") and path.suffix == ".safetensors":
        yield Kept(kind, path, size_of(path), _damaged_state(path))
    elif kind == "corpora" and path.is_dir():
        damaged = damaged_files(path)
        said = f"{damaged[0]} is gone, or not as it was written" if damaged else ""
        yield Kept(kind, path, size_of(path), said + (f", and {len(damaged) - 1} more" if len(damaged) > 1 else ""))


def _judged(one: Kept, records: _Records) -> Kept:
    """The thing with why nobody needs it, now that all records are known."""
    if one.needless or one.damage:
        return one
    key, why = one.path.stem, _WHY_NOT
    needless: Needless = ""
    if one.kind == "checkpoints" and key in records.done:
        needless = "checkpoints"
    elif key in records.outdated or (one.kind == "trajectories" and key not in records.trajectories):
        needless = "outdated"
    elif one.kind in why and key not in records.referred:
        needless = why[one.kind]
    elif one.kind == "corpora" and _can_be_made_again(one.path, records):
        needless = "corpora"
    return Kept(one.kind, one.path, one.bytes, needless=needless)


_WHY_NOT: dict[str, Needless] = {"encoders": "encoders", "embeddings": "embeddings"}


def _can_be_made_again(corpus: Path, records: _Records) -> bool:
    """Whether a corpus is simulated and no result names it; what was fetched or read from logs is the user's."""
    info = read_info(corpus)
    return info.origin == "simulated" and info.fingerprint not in records.corpora


def _damaged_state(file: Path) -> str:
    from bench.training.checkpoint import load_state

    try:
        load_state(file)
    except BenchError as error:
        return error.what
    return ""


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder; 0 where it has just gone."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    try:
        return sum(file.lstat().st_size for file in files)
    except FileNotFoundError:
        return 0
