"""The folder of results: corpora, encoders, embeddings and cells, each under its key, each written whole or not."""

from __future__ import annotations

import errno
import json
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.errors import BenchError

RECORDS = {"encoders": "encoder.json", "embeddings": "embedding.json", "cells": "cell.json"}
"""Kinds of results and the file that describes one; a result without it does not exist."""

_EARLIER = "-earlier"


class Store:
    """Results under one root.

    Args:
        root: the folder, made when first written to.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    @property
    def corpora(self) -> Path:
        """Where corpora stand."""
        return self.root / "corpora"

    def checkpoint(self, key: str) -> Path:
        """Where the pretraining with this key keeps its state while it is under way."""
        return self.root / "checkpoints" / f"{key}.safetensors"

    def folder(self, kind: str, key: str) -> Path:
        """Where the result of this kind and key stands, or would."""
        return self.root / kind / key

    def read(self, kind: str, key: str) -> dict[str, Any] | None:
        """What the result says of itself; None where there is none yet."""
        file = self.folder(kind, key) / RECORDS[kind]
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            if not isinstance(record, dict) or "status" not in record:
                raise ValueError("no status in it")
            return record
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise BenchError(f"not readable: {error}", where=str(file), fix="remove the folder and run again") from None

    def is_done(self, kind: str, key: str) -> bool:
        """Whether the result is there and did not fail."""
        record = self.read(kind, key)
        return record is not None and record["status"] == "done"

    @contextmanager
    def publish(self, kind: str, key: str) -> Iterator[Path]:
        """A folder to write into; it takes its place, replacing an earlier one, when the block ends in peace."""
        place = self.folder(kind, key)
        writing = place.with_name(f"{key}.writing-{os.getpid()}@{platform.node()}")
        shutil.rmtree(writing, ignore_errors=True)
        writing.mkdir(parents=True)
        try:
            yield writing
            _take_place(writing, place)
        finally:
            shutil.rmtree(writing, ignore_errors=True)

    def sweep(self) -> None:
        """Removes what processes of this machine that no longer run left half-written."""
        for kind in RECORDS:
            for writing in (self.root / kind).glob("*.writing-*@*"):
                number, _, node = writing.name.partition(".writing-")[2].partition("@")
                if node.removesuffix(_EARLIER) == platform.node() and not _runs(int(number)):
                    shutil.rmtree(writing, ignore_errors=True)


def _runs(number: int) -> bool:
    """Whether this machine has a process with this number."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _take_place(writing: Path, place: Path) -> None:
    """Renames a folder to its place. A failed result may stand there, or another process may be as fast as this one."""
    while True:
        try:
            writing.rename(place)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        earlier = writing.with_name(f"{writing.name}{_EARLIER}")
        with suppress(FileNotFoundError):
            place.rename(earlier)
        shutil.rmtree(earlier, ignore_errors=True)


def write_record(folder: Path, kind: str, record: dict[str, Any]) -> None:
    """Writes the describing file of a result."""
    text = json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / RECORDS[kind]).write_text(text + "\n", encoding="utf-8")
