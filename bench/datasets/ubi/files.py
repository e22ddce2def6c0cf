"""The files of a UBI log: one file, a folder of them, or an address; JSON lines, JSON lists and responses, Parquet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from bench.data.checksums import sha256_of
from bench.data.download import fetch, is_url
from bench.data.expansion import UNREADABLE, check_packed, check_parquet, opened
from bench.errors import BenchError

Shape = Literal["lines", "list", "response", "parquet", "csv"]

_TEXTS = (".ndjson", ".jsonl", ".json")
_READABLE = "JSON lines (.ndjson, .jsonl, .json, also .gz) or Parquet (.parquet)"
_HEAD_BYTES = 4096
_RESPONSE = re.compile(rb'^\s*\{.{0,2000}?"hits"\s*:\s*\{', re.DOTALL)
_ONE_OBJECT_OVER_LINES = re.compile(rb"^\s*\{[ \t]*\r?\n")


@dataclass(frozen=True)
class UbiFile:
    """A file of the log.

    Attributes:
        path: where it is.
        shape: ``lines`` of JSON, a JSON ``list``, a search ``response`` or several (one a line), or ``parquet``; a
            catalogue may be ``csv``.
        says: ``queries`` or ``events`` where its name says which it has, else empty.
    """

    path: Path
    shape: Shape
    says: str


@contextmanager
def located(source: str | Path, work: Path) -> Iterator[tuple[list[UbiFile], list[str]]]:
    """The files of a log, downloaded to ``work`` where the source is an address, and the names of those not read.

    Raises:
        BenchError: there is no such file, or none that can be read.
    """
    if is_url(source):
        name = Path(unquote(urlsplit(str(source)).path)).name or "log.ndjson"
        if _ending(name) is None:
            raise BenchError(f"{name!r} is neither {_READABLE}", where=str(source), fix="give the address of one file")
        target = work / "download" / name
        fetch(source, target)
        source = target
    path = Path(source)
    if not path.exists():
        raise BenchError(
            "no such file or folder", where=str(path), fix="give the log's file, or the folder of its files"
        )
    if path.is_dir():
        yield _in_folder(path)
    else:
        yield [_file(path)], []


def says(name: str) -> str:
    """``queries`` or ``events`` where the name of an index or a file says which it holds, else empty."""
    lower = name.lower()
    of_queries, of_events = "quer" in lower, "event" in lower
    return "" if of_queries == of_events else "queries" if of_queries else "events"


def provenance(files: list[UbiFile], what: str) -> dict[str, dict[str, object]]:
    """Name, size and SHA-256 of each file by ``what`` and its number; of over a hundred files their common hash."""
    if len(files) > 100:
        sums = "".join(sha256_of(file.path) for file in files)
        size = sum(file.path.stat().st_size for file in files)
        entry = {"file": f"{len(files)} files", "bytes": size, "sha256": sha256(sums.encode()).hexdigest()}
        return {what: entry}
    return {
        f"{what}{number}" if len(files) > 1 else what: {
            "file": file.path.name,
            "bytes": file.path.stat().st_size,
            "sha256": sha256_of(file.path),
        }
        for number, file in enumerate(files, start=1)
    }


def catalogue_files(path: Path) -> list[UbiFile]:
    """The files of a catalogue: those that a log may have, and CSV.

    Raises:
        BenchError: there is none that can be read.
    """
    if not path.exists():
        raise BenchError(
            "no such file or folder", where=str(path), fix="--set items=PATH of an index export or a table"
        )
    parts = [path] if path.is_file() else [part for part in sorted(path.rglob("*")) if part.is_file()]
    tables = [part for part in parts if part.name.lower().removesuffix(".gz").endswith((".csv", ".tsv"))]
    if tables:
        return [UbiFile(part, "csv", "") for part in tables]
    return [_file(path)] if path.is_file() else _in_folder(path)[0]


def _in_folder(folder: Path) -> tuple[list[UbiFile], list[str]]:
    """The files below a folder that can be read; a ``.json`` that is one object over many lines is a schema or so."""
    files, others = [], []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
        if hidden or not path.is_file():
            continue
        if _ending(path.name) is None or not path.stat().st_size or _ONE_OBJECT_OVER_LINES.match(_head(path)):
            others.append(path.name)
        else:
            files.append(_file(path))
    if not files:
        what = f"no file here is {_READABLE}" + (f", only {', '.join(others[:5])}" if others else "")
        raise BenchError(what, where=str(folder), fix="export the log as JSON lines")
    return files, others


def _file(path: Path) -> UbiFile:
    ending = _ending(path.name)
    if ending is None:
        raise BenchError(f"is neither {_READABLE}", where=str(path), fix="export the log as JSON lines")
    check_packed(path)
    head = _head(path)
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise BenchError("the file is empty", where=str(path), fix="export the log again")
    shape: Shape = "lines"
    if ending == "parquet":
        check_parquet(path)
        shape = "parquet"
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        shape = "list"
    elif _RESPONSE.match(head):
        shape = "response"
    elif _ONE_OBJECT_OVER_LINES.match(head):
        raise BenchError(
            "an object stands over several lines", where=str(path), fix="write one object a line, such as by jq -c ."
        )
    return UbiFile(path, shape, says(path.name))


def _ending(name: str) -> str | None:
    """``json`` or ``parquet`` by a name's ending, None for any other."""
    lower = name.lower()
    if lower.removesuffix(".gz").endswith(_TEXTS):
        return "json"
    return "parquet" if lower.endswith((".parquet", ".pq")) else None


def _head(path: Path) -> bytes:
    """The first bytes of a file, unpacked.

    Raises:
        BenchError: it cannot be read.
    """
    try:
        with opened(path) as file:
            return file.read(_HEAD_BYTES)
    except UNREADABLE as error:
        raise BenchError(f"cannot be read: {error}", where=str(path), fix="write it again") from error
