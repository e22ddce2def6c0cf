"""The folder of results: corpora, encoders, embeddings and cells, each under its key, each written whole or not.

A record carries the checksums of the files beside it, and its own. What does not have them when it is read is set aside
under another name (``KEY.broken-1``), said in one line, and missing from then on, so that it is computed again.
"""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.claiming import tidy
from bench.data.checksums import has_contents, record_checksum, sha256_of
from bench.errors import quoted
from bench.files import folder_written_whole, hold, set_aside, sweep
from bench.progress import note

RECORDS = {"encoders": "encoder.json", "embeddings": "embedding.json", "cells": "cell.json"}
"""Kinds of results and the file that describes one; a result without it does not exist."""

RECORD_FORMAT = 1
"""Version of the form of a record; another one is not read."""

Record = dict[str, Any]
"""What a result says of itself."""


class Store:
    """Results under one root.

    Args:
        root: the folder, made when first written to.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self._let_go: weakref.finalize[[int], Store] | None = None

    def hold(self) -> None:
        """Keeps ``bench gc`` of every process from freeing results that a plan may count on, until :meth:`let_go` or
        the end of this object; nothing where the folder isn't there yet.
        """
        if self._let_go is None or not self._let_go.alive:
            handle = hold(self.root, lambda: note(f"bench gc is at work in {self.root}; waiting for it"))
            self._let_go = None if handle is None else weakref.finalize(self, os.close, handle)

    def let_go(self) -> None:
        """What was planned is done; ``bench gc`` may have what nothing refers to."""
        if self._let_go is not None:
            self._let_go()

    @property
    def corpora(self) -> Path:
        """Where corpora stand."""
        return self.root / "corpora"

    def checkpoint(self, key: str) -> Path:
        """Where the pretraining with this key keeps its state while it is under way."""
        return self.root / "checkpoints" / f"{key}.safetensors"

    def trajectory(self, key: str) -> Path:
        """Where the last state of the pretrainings that differ in their number of steps alone is kept."""
        return self.root / "trajectories" / f"{key}.safetensors"

    def claim(self, kind: str, key: str) -> Path:
        """What a process claims (:mod:`bench.claiming`) while it computes the result of this kind and key."""
        return self.root / "claims" / f"{kind}-{key}"

    def folder(self, kind: str, key: str) -> Path:
        """Where the result of this kind and key stands, or would."""
        return self.root / kind / key

    def read(self, kind: str, key: str) -> Record | None:
        """What the result says of itself; None where there is none yet, or none that can be believed.

        The files beside the record are compared with their checksums; once per process, and again when they change.
        """
        while True:
            text = self._text(kind, key)
            if text is None:
                return None
            record, damage = _believed(text, self.folder(kind, key))
            if not damage:
                return record
            if self._text(kind, key) == text:  # else another process has replaced it in between
                self._set_aside(kind, key, damage)
                return None

    def peek(self, kind: str, key: str) -> Record:
        """What a record says, whatever its files hold; empty if it cannot be read. For estimates, not for numbers."""
        try:
            record = json.loads(self._text(kind, key) or b"{}")
        except (ValueError, RecursionError):
            return {}
        return record if isinstance(record, dict) else {}

    def is_done(self, kind: str, key: str) -> bool:
        """Whether the result is there and did not fail."""
        return is_done(self.read(kind, key))

    @contextmanager
    def publish(self, kind: str, key: str) -> Iterator[Path]:
        """A folder to write into; it takes its place, replacing a failed result, when the block ends in peace.

        A result that is done and sound stays: another process was as fast, and somebody may be reading it.
        """
        with folder_written_whole(self.folder(kind, key), keep=lambda: self.is_done(kind, key)) as writing:
            yield writing

    def sweep(self) -> None:
        """Removes what processes of this machine that no longer run left half-written, and their claims."""
        for kind in (*RECORDS, "corpora", "checkpoints", "trajectories", "claims"):
            sweep(self.root / kind)
        claims = self.root / "claims"
        for place in {claims / claim.name.rpartition(".claim-")[0] for claim in claims.glob("*.claim-*")}:
            tidy(place)  # of a process that was killed when the result was stored: nobody will ask for it again
        self.drop_claims()

    def tidy(self, kind: str, key: str) -> None:
        """Removes what a process that was killed when it had stored a result left of its claim on it."""
        tidy(self.claim(kind, key))
        self.drop_claims()

    def drop_claims(self) -> None:
        """Removes the folder of claims, unless somebody has one."""
        with suppress(OSError):  # there is none, or it is in use
            (self.root / "claims").rmdir()

    def _text(self, kind: str, key: str) -> bytes | None:
        try:
            return (self.folder(kind, key) / RECORDS[kind]).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _set_aside(self, kind: str, key: str, damage: str) -> None:
        place = self.folder(kind, key)
        try:
            aside = set_aside(place)
        except OSError as error:
            note(f"{place}: {damage}; it does not count, and cannot be set aside: {error.strerror}")
            return
        if aside is not None:
            note(f"{place}: {damage}; set aside as {aside.name}, it does not count")


def is_done(record: Record | None) -> bool:
    """Whether a record is there and is not that of a failure."""
    return record is not None and record["status"] == "done"


def write_record(folder: Path, kind: str, record: Record) -> Record:
    """Writes the describing file of a result, last, since it holds the others' checksums; returns what it says."""
    files = {
        file.relative_to(folder).as_posix(): {"bytes": file.stat().st_size, "sha256": sha256_of(file)}
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != RECORDS[kind]
    }
    whole: Record = json.loads(json.dumps({**record, "files": files}))
    whole["format"] = RECORD_FORMAT
    whole["checksum"] = record_checksum(whole)
    text = json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / RECORDS[kind]).write_text(text + "\n", encoding="utf-8")
    return whole


def believed(folder: Path, kind: str) -> tuple[Record, str]:
    """What a result in a folder says of itself, and what is wrong with it or with its files; empty if nothing is.

    Nothing is set aside; of a damaged one the record is empty.
    """
    try:
        return _believed((folder / RECORDS[kind]).read_bytes(), folder)
    except (FileNotFoundError, NotADirectoryError):
        return {}, f"there is no {RECORDS[kind]}"


def _believed(text: bytes, folder: Path) -> tuple[Record, str]:
    """A record, and what is wrong with it or with the files beside it; empty if nothing is."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return {}, "the record is not readable"
    if not isinstance(record, dict) or "status" not in record:
        return {}, "the record says nothing of its status"
    if record.get("format", 1) != RECORD_FORMAT:  # format 1 did not say so at first
        return {}, f"the record is of format {quoted(record['format'])}, this version reads {RECORD_FORMAT}"
    if "checksum" not in record or not isinstance(record.get("files"), dict):
        return {}, "the record has no checksums: another version of bench wrote it"
    if record.get("key", folder.name) != folder.name:
        return {}, f"the record is that of {record['key']}"
    if record["checksum"] != record_checksum(record):
        return {}, "the record is not as it was written"
    for name, known in record["files"].items():
        if not has_contents(folder / name, known["bytes"], known["sha256"]):
            return {}, f"{name} is not as it was written" if (folder / name).exists() else f"{name} is gone"
    return record, ""
