"""The format of the event logs that ``bench data ingest`` reads: files, columns and their types."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError, did_you_mean

INPUT_HELP = """\
A folder with these files, each as NAME.parquet or NAME.csv (UTF-8, comma, a header line). Other columns are ignored.

queries       query_id    text or integer, each once
              user        text or integer; needed unless there is a session_id
              session_id  optional; without it a user's queries are cut where the user was idle for over 30 minutes
              time        timestamp, ISO text (UTC unless it says otherwise), or integer seconds or milliseconds
                          since 1970 (from 100,000,000,000 on they are milliseconds)
              kind        keyword or product
              text        words with white space between them; or
              words       a list of words (CSV: a JSON list, or white space between them)
              image       optional: an image_id, or an item_id for that item's image
impressions   query_id, item_id, rank (1 is the top); every shown item is in items
clicks        query_id, item_id, time (optional); every click is on an item that the query showed
items         item_id, text (or title) or words, and optionally image (an image_id; without the column, the image whose
              image_id is the item_id), category, domain
images        optional: image_id, vector (a list of numbers; CSV: a JSON list, or commas between them)
word_vectors  optional: word, vector; words that are not in it are dropped. Without it, vectors are made from the log.
"""
"""The format, for people: ``bench data columns`` prints it."""


@dataclass(frozen=True)
class LogColumn:
    """A column of a log file.

    Attributes:
        name: its name in the file.
        kind: ``id``, ``label`` (text that may be null), ``time``, ``rank``, ``text``, ``words`` or ``vector``.
        required: whether the file must have the column, without nulls.
    """

    name: str
    kind: str
    required: bool = True


LOG_TABLES: dict[str, tuple[LogColumn, ...]] = {
    "queries": (
        LogColumn("query_id", "id"),
        LogColumn("user", "label", required=False),
        LogColumn("session_id", "label", required=False),
        LogColumn("time", "time"),
        LogColumn("kind", "id"),
        LogColumn("words", "words", required=False),
        LogColumn("text", "text", required=False),
        LogColumn("image", "label", required=False),
    ),
    "impressions": (LogColumn("query_id", "id"), LogColumn("item_id", "id"), LogColumn("rank", "rank")),
    "clicks": (LogColumn("query_id", "id"), LogColumn("item_id", "id"), LogColumn("time", "time", required=False)),
    "items": (
        LogColumn("item_id", "id"),
        LogColumn("words", "words", required=False),
        LogColumn("text", "text", required=False),
        LogColumn("title", "text", required=False),
        LogColumn("image", "label", required=False),
        LogColumn("category", "label", required=False),
        LogColumn("domain", "label", required=False),
    ),
    "images": (LogColumn("image_id", "id"), LogColumn("vector", "vector")),
    "word_vectors": (LogColumn("word", "id"), LogColumn("vector", "vector")),
}
"""The columns that are read of each table of an event log."""

OPTIONAL_TABLES = ("images", "word_vectors")
_SUFFIXES = (".parquet", ".csv")


def find_files(source: str | Path | Mapping[str, str | Path]) -> dict[str, Path]:
    """The log's files, by table.

    Args:
        source: a folder, or the file of each table by the table's name.

    Raises:
        BenchError: a table is unknown, or its file is missing, empty, there in two formats, or neither Parquet nor CSV.
    """
    if isinstance(source, Mapping):
        files = {name: Path(path) for name, path in source.items()}
        for name in files.keys() - LOG_TABLES.keys():
            raise BenchError(f"no table of an event log is called {name!r}", fix=did_you_mean(name, LOG_TABLES))
        missing = "not given"
    else:
        folder = Path(source)
        if not folder.is_dir():
            raise BenchError("no such folder", where=str(folder), fix="give the folder with the event log")
        files = {}
        for name in LOG_TABLES:
            paths = [path for suffix in _SUFFIXES if (path := folder / f"{name}{suffix}").is_file()]
            if len(paths) > 1:
                raise BenchError(f"there is a {paths[1].name} as well", where=str(paths[0]), fix="keep one of them")
            if paths:
                files[name] = paths[0]
        missing = f"not in {folder}"
    for name in LOG_TABLES:
        if name not in files and name not in OPTIONAL_TABLES:
            raise BenchError(f"{missing}", where=f"{name}.parquet or {name}.csv", fix="an event log needs this file")
    for path in files.values():
        if not path.is_file():
            raise BenchError("no such file", where=str(path), fix="give the path of a file")
        if path.suffix not in _SUFFIXES:
            raise BenchError("neither .parquet nor .csv", where=str(path), fix="convert it")
        if path.stat().st_size == 0:
            raise BenchError("the file is empty", where=str(path), fix="write it again")
    return files


def csv_header(path: Path) -> list[str]:
    """Column names of a CSV file, from its first line.

    Raises:
        BenchError: the line is not CSV in UTF-8, or names a column twice.
    """
    with path.open("rb") as file:
        line = file.readline()
    try:
        names = next(csv.reader([line.decode("utf-8-sig").rstrip("\r\n")]), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise BenchError("the header is not CSV in UTF-8", where=f"{path}, line 1", fix="convert it") from error
    for name in names:
        if names.count(name) > 1:
            raise BenchError("the column is there twice", where=f"{path}, column {name}", fix="rename one of them")
    return names
