"""The files of an event log: one of each table, or a folder of parts as Spark and Hive write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bench.datasets.ingest.event_log import LOG_TABLES, OPTIONAL_TABLES
from bench.datasets.ingest.faults import Faults
from bench.errors import BenchError, did_you_mean

Format = Literal["parquet", "csv", "json"]

_FORMATS: dict[str, Format] = {".parquet": "parquet", ".pq": "parquet"}
_FORMATS |= dict.fromkeys((".csv", ".tsv", ".tab", ".psv", ".txt"), "csv")
_FORMATS |= dict.fromkeys((".json", ".jsonl", ".ndjson"), "json")
_READABLE = "Parquet (.parquet), text with separators (.csv, .tsv, .txt) or JSON lines (.json, .jsonl, .ndjson)"


@dataclass(frozen=True)
class TextForm:
    """How a text with separators is written.

    Attributes:
        separator: between columns; found out from the header where it is empty.
        quote: around values with a separator in them; empty where there is no such thing.
        encoding: ``utf-8``, ``latin-1`` or ``utf-16``.
        columns: their names where the text has no header; a first line with just these names is one all the same.
    """

    separator: str = ""
    quote: str = '"'
    encoding: str = "utf-8"
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class LogFile:
    """Where a table of an event log stands.

    Attributes:
        table: a key of ``LOG_TABLES``.
        path: the file, or the folder of its parts.
        parts: the files that are read; ``path`` alone where it is a file.
        format: of all parts.
        partitions: columns that stand in the names of folders below ``path``, as in ``dt=2023-11-14``.
        made_of: what a reader of another format made the file of, in words; empty for a file that was given.
        text: how a text with separators is written, where that is known and not found out.
    """

    table: str
    path: Path
    parts: tuple[Path, ...]
    format: Format
    partitions: tuple[str, ...] = ()
    made_of: str = ""
    text: TextForm = field(default_factory=TextForm)

    @property
    def label(self) -> str:
        """The file for an error: its path, or what it was made of."""
        return f"{self.table} ({self.made_of})" if self.made_of else str(self.path)

    @property
    def short_label(self) -> str:
        """The file in a sentence about another one."""
        return self.label if self.made_of else self.path.name


def find_files(
    source: str | Path | Mapping[str, str | Path], faults: Faults, made_of: Mapping[str, str] | None = None
) -> dict[str, LogFile]:
    """The log's files, by table.

    Args:
        source: a folder, or the file (or folder of parts) of each table by the table's name.
        faults: gets a fault for each file that is missing, empty, there in two formats or in none that can be read.
        made_of: what a reader of another format made each table of, in words.

    Raises:
        BenchError: the folder is missing, or a table is unknown.
    """
    if isinstance(source, Mapping):
        paths = {name: Path(path) for name, path in source.items()}
        for name in paths.keys() - LOG_TABLES.keys():
            raise BenchError(f"no table of an event log is called {name!r}", fix=did_you_mean(name, LOG_TABLES))
        missing = "not given"
    else:
        folder = Path(source)
        if not folder.is_dir():
            raise BenchError("no such folder", where=str(folder), fix="give the folder with the event log")
        paths, missing = _in_folder(folder, faults), f"not in {folder}"
    for name in LOG_TABLES:
        if name not in paths and name not in OPTIONAL_TABLES:
            fix = "an event log needs this file; files of another layout are read by --map, see bench data maps"
            faults.add(f"{name}.parquet or {name}.csv", missing, fix)
    files = {name: log_file(name, path, faults, (made_of or {}).get(name, "")) for name, path in paths.items()}
    return {name: file for name in LOG_TABLES if (file := files.get(name)) is not None}


def _in_folder(folder: Path, faults: Faults) -> dict[str, Path]:
    """The path of each table that a folder has, by its name without endings."""
    paths = {}
    entries = [entry for entry in sorted(folder.iterdir()) if not _is_hidden(entry)]
    for name in LOG_TABLES:
        named = [entry for entry in entries if entry.name.lower().partition(".")[0] == name]
        readable = [entry for entry in named if entry.is_dir() or _format_of(entry) is not None]
        if len(readable) > 1:
            faults.add(str(readable[1]), f"there is a {readable[0].name} as well", "keep one of them")
        if readable or named:
            paths[name] = (readable or named)[0]
    return paths


def log_file(table: str, path: Path, faults: Faults, made_of: str = "", text: TextForm | None = None) -> LogFile | None:
    """A file, or a folder of parts, as it stands on disk; None where it cannot be read, which is a fault.

    Args:
        table: a key of ``LOG_TABLES``; empty for a file of another layout.
        path: where it stands.
        faults: gets what is wrong.
        made_of: see :class:`LogFile`.
        text: see :class:`LogFile`; a file of an unknown ending is then such a text.
    """
    if path.is_dir():
        parts = [part for part in sorted(path.rglob("*")) if part.is_file() and not _is_hidden(part, below=path)]
    elif path.is_file():
        parts = [path]
    else:
        faults.add(str(path), "no such file", "give the path of a file, or of a folder of its parts")
        return None
    full = [part for part in parts if part.stat().st_size]
    known: Format | None = "csv" if text is not None and (text.separator or text.columns) else None
    if not full:
        faults.add(str(path), "the file is empty" if path.is_file() else "no part has any contents", "write it again")
        return None
    formats = {_format_of(part) or _format_of(path) or _format_within(part) or known for part in full}
    if len(formats) > 1:
        faults.add(str(path), "its parts have several formats", "keep those of one")
        return None
    found = formats.pop()
    if found is None:
        faults.add(str(path), f"neither {_READABLE}", "convert it")
        return None
    return LogFile(table, path, tuple(full), found, tuple(_partitions(full, path)), made_of, text or TextForm())


def _format_of(path: Path) -> Format | None:
    """The format that a name's ending says; ``.gz`` may follow that of a text."""
    name = path.name.lower()
    packed = name.endswith(".gz")
    found = _FORMATS.get(Path(name.removesuffix(".gz")).suffix)
    return None if packed and found == "parquet" else found


def _format_within(part: Path) -> Format | None:
    """The format of a part without an ending, as Hive writes it: Parquet by its first bytes, else text."""
    if part.suffix:
        return None
    with part.open("rb") as file:
        return "parquet" if file.read(4) == b"PAR1" else "csv"


def _partitions(parts: Iterable[Path], root: Path) -> list[str]:
    """Names of the columns that folders between ``root`` and the parts are named after."""
    folders = (folder for part in parts for folder in part.relative_to(root).parts[:-1])
    return sorted({folder.partition("=")[0] for folder in folders if "=" in folder})


def _is_hidden(path: Path, below: Path | None = None) -> bool:
    """Whether a name is one that Spark and Hive skip: ``_SUCCESS``, ``_temporary``, ``.part.crc``."""
    names = path.relative_to(below).parts if below is not None else (path.name,)
    return any(name.startswith(("_", ".")) and "=" not in name for name in names)
