"""The header of a log file: which separator it has, and which columns of an event log its names stand for."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

from bench.datasets.ingest.event_log import LOG_TABLES
from bench.errors import BenchError

_SEPARATORS = {",": "a comma", "\t": "a tab", ";": "a semicolon", "|": "a pipe", "\x01": "Ctrl-A"}
_UNNAMED = re.compile(r"|unnamed: \d+|__index_level_\d+__", re.IGNORECASE)


def canonical_names(names: Sequence[str], table: str, where: str) -> list[str | None]:
    """The names under which a file's columns are known here.

    White space around a name, case, and what joins its words say nothing: `` Query-ID`` and ``queryId`` are
    ``query_id``. A column without a name is the index that a data frame was written with.

    Args:
        names: the names in the file.
        table: a key of ``LOG_TABLES``.
        where: the file, for the error.

    Returns:
        for each name one of the log's, or itself without white space around it; None for a column without a name.

    Raises:
        BenchError: two columns have one name.
    """
    known = {_key(column.name): column.name for column in LOG_TABLES[table]}
    found: list[str | None] = []
    for name in names:
        bare = name.strip().strip("\ufeff").strip()
        found.append(None if _UNNAMED.fullmatch(bare) else known.get(_key(bare), bare))
    lower = [name.lower() for name in found if name is not None]
    for column in found:
        if column is not None and lower.count(column.lower()) > 1:
            raise BenchError("the column is there twice", where=f"{where}, column {column}", fix="rename one of them")
    return found


def csv_header(path: Path, table: str) -> tuple[list[str], str]:
    """Column names of a text with separators, from its first line, and the separator.

    The separator is the one that makes most of the log's columns out of the line.

    Raises:
        BenchError: the line is not text in UTF-8.
    """
    try:
        with opened(path) as file:
            line = file.readline().decode("utf-8-sig").rstrip("\r\n")
        split = {separator: next(csv.reader([line], delimiter=separator), []) for separator in _SEPARATORS}
    except (UnicodeDecodeError, csv.Error) as error:
        raise BenchError("the header is not CSV in UTF-8", where=f"{path}, line 1", fix="convert it") from error
    except (OSError, EOFError) as error:
        raise BenchError(f"cannot be read: {error}", where=str(path), fix="write it again") from error
    known = {_key(column.name) for column in LOG_TABLES[table]}

    def rank(separator: str) -> tuple[int, int]:
        return sum(_key(name) in known for name in split[separator]), len(split[separator])

    separator = max(_SEPARATORS, key=rank)
    return split[separator], separator


def opened(path: Path) -> IO[bytes]:
    """A text, opened to be read, unpacked where it is a ``.gz``."""
    return cast(IO[bytes], gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb")


def separator_name(separator: str) -> str:
    """A separator in words, for a message."""
    return _SEPARATORS[separator]


def _key(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name.strip().strip("\ufeff")).lower()
