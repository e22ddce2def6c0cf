"""The header of a log file: which separator it has, and which columns of an event log its names stand for."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Literal

from bench.data.expansion import LONGEST_HEADER, UNREADABLE, check_packed, opened
from bench.datasets.ingest.event_log import LOG_TABLES
from bench.datasets.ingest.log_files import TextForm
from bench.errors import BenchError

_SEPARATORS = {",": "a comma", "\t": "a tab", ";": "a semicolon", "|": "a pipe", "\x01": "Ctrl-A"}
_UNNAMED = re.compile(r"|unnamed: \d+|__index_level_\d+__", re.IGNORECASE)


def canonical_names(names: Sequence[str], table: str, where: str) -> list[str | None]:
    """The names under which a file's columns are known here.

    White space around a name, case, and what joins its words say nothing: `` Query-ID`` and ``queryId`` are
    ``query_id``. A column without a name is the index that a data frame was written with.

    Args:
        names: the names in the file.
        table: a key of ``LOG_TABLES``; empty for a file of another layout, whose names are only trimmed.
        where: the file, for the error.

    Returns:
        for each name one of the log's, or itself without white space around it; None for a column without a name.

    Raises:
        BenchError: two columns have one name.
    """
    known = {_key(column.name): column.name for column in LOG_TABLES.get(table, ())}
    found: list[str | None] = []
    for name in names:
        bare = name.strip().strip("\ufeff").strip()
        found.append(None if _UNNAMED.fullmatch(bare) else known.get(_key(bare), bare))
    lower = [name.lower() for name in found if name is not None]
    for column in found:
        if column is not None and lower.count(column.lower()) > 1:
            raise BenchError("the column is there twice", where=f"{where}, column {column}", fix="rename one of them")
    return found


def csv_header(path: Path, table: str, text: TextForm) -> tuple[list[str], str, bool]:
    """Column names of a text with separators, the separator, and whether the first line has the names.

    The separator is the one that makes most of the log's columns out of the line, unless ``text`` says which it is.

    Raises:
        BenchError: the line is not text in the encoding, or the file is packed and damaged.
    """
    check_packed(path)
    try:
        with opened(path) as file:
            line = _first_line(file, "utf-8-sig" if text.encoding == "utf-8" else text.encoding)
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if text.quote else csv.QUOTE_NONE
        split = {
            separator: next(csv.reader([line], delimiter=separator, quotechar=text.quote or None, quoting=quoting), [])
            for separator in ((text.separator,) if text.separator else _SEPARATORS)
        }
    except (UnicodeDecodeError, csv.Error) as error:
        what = f"the header is not CSV in {text.encoding.upper()}"
        raise BenchError(what, where=f"{path}, line 1", fix="convert it") from error
    except UNREADABLE as error:
        raise BenchError(f"cannot be read: {error}", where=str(path), fix="write it again") from error
    known = {_key(column.name) for column in LOG_TABLES.get(table, ())}

    def rank(separator: str) -> tuple[int, int]:
        return sum(_key(name) in known for name in split[separator]), len(split[separator])

    separator = max(split, key=rank)
    if text.columns:
        return list(text.columns), separator, [name.strip() for name in split[separator]] == list(text.columns)
    return split[separator], separator, True


def separator_name(separator: str) -> str:
    """A separator in words, for a message."""
    return _SEPARATORS.get(separator, repr(separator))


def _first_line(file: IO[bytes], encoding: str) -> str:
    if encoding == "utf-16":  # a line break is two bytes there
        return io.TextIOWrapper(file, encoding=encoding).readline(LONGEST_HEADER).rstrip("\r\n")
    return file.readline(LONGEST_HEADER).decode(encoding).rstrip("\r\n")


def _key(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name.strip().strip("\ufeff")).lower()
