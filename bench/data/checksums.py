"""Checksums of files: written down when a file is finished, compared when it is opened."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypedDict

from bench.errors import BenchError

_known: dict[str, tuple[tuple[int, int, int], str]] = {}
"""Of the files that this process has read: inode, size and time of the last change, and SHA-256. By path, so that it
does not grow where files are replaced."""


class Mark(TypedDict):
    """What is known of a finished file: its size, when it was last changed (ns since 1970), and its SHA-256."""

    bytes: int
    modified: int
    sha256: str


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal, read in chunks.

    Raises:
        BenchError: the file is missing or unreadable.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BenchError(f"cannot be read: {error.strerror}", where=str(path), fix="check the path") from None


def has_digest(path: Path, sha256: str) -> bool:
    """Whether a file is there and has this SHA-256; it is read now, whatever is known of it."""
    try:
        return sha256_of(path) == sha256
    except BenchError:
        return False


def mark(path: Path) -> Mark:
    """Size, time and checksum of a file."""
    found = path.stat()
    return {"bytes": found.st_size, "modified": found.st_mtime_ns, "sha256": sha256_of(path)}


def is_untouched(path: Path, known: Mark) -> bool:
    """Whether a file has the size and the time that are known of it; its contents are not read."""
    try:
        found = path.stat()
    except OSError:
        return False
    return (found.st_size, found.st_mtime_ns) == (known["bytes"], known["modified"])


def record_checksum(record: Mapping[str, Any]) -> str:
    """SHA-256 of a record's canonical JSON, without its key ``checksum``: a record carries its own."""
    rest = {key: value for key, value in record.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":"), default=str).encode()).hexdigest()


def has_contents(path: Path, size: int | None, sha256: str) -> bool:
    """Whether a file has these contents. They are read once per process, and again when size or time have changed.

    ``size`` is None where only the sum is known.
    """
    try:
        found = path.stat()
        if size not in (None, found.st_size):
            return False
        seen = (found.st_ino, found.st_size, found.st_mtime_ns)
        before, digest = _known.get(str(path), (None, ""))
        if before != seen:
            digest = sha256_of(path)
            _known[str(path)] = (seen, digest)
    except (OSError, BenchError):
        return False
    return digest == sha256


def changed(folder: Path, known: Mapping[str, Mark], whole: bool = False) -> list[str]:
    """Names of the files in ``folder`` that are gone or have other contents than those that are known.

    A file with the size and the time that are known is taken to be as it was, unless ``whole``: a disk that loses a bit
    keeps both. Then all contents are read, once per process.
    """
    return [
        name
        for name, one in known.items()
        if (whole or not is_untouched(folder / name, one))
        and not has_contents(folder / name, one["bytes"], one["sha256"])
    ]


def marks(folder: Path, names: Iterable[str]) -> dict[str, Mark]:
    """The marks of these files in ``folder``."""
    return {name: mark(folder / name) for name in names}
