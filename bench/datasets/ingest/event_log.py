"""The format of the event logs that ``bench data ingest`` reads: tables, columns and their types."""

from __future__ import annotations

from dataclasses import dataclass

INPUT_HELP = """\
A folder with these tables. Each is a file NAME.parquet, NAME.csv (.tsv, .psv, .txt) or NAME.jsonl (.ndjson, .json),
texts also as .gz, or a folder NAME, NAME.parquet or NAME.csv of parts as Spark and Hive write them (dt=2023-11-14 in
a folder's name is a column). Text is UTF-8 with a header line; the separator (comma, tab, semicolon, pipe) is found
out. Case and white space in column names say nothing, queryId is query_id, and columns without a name or not listed
here are ignored.

queries       query_id    text, integer, UUID or whole double, each once
              user        the same; needed unless there is a session_id
              session_id  optional; without it a user's queries are cut where the user was idle for over 30 minutes
                          (--session-ids cut: sessions that are given as well)
              time        timestamp, ISO text (UTC unless it says otherwise), or a number: seconds, milli-, micro- or
                          nanoseconds since 1970, or yyyymmddhhmmss, whichever lies between 1990 and next year
              kind        keyword or product
              text        words with white space (any of Unicode's) between them; or
              words       a list of words (in text: a JSON list, or white space between them)
              image       optional: an image_id, or an item_id for that item's image
              position    optional: a number that orders queries of the same time; otherwise their ids do, as numbers
                          where they are numbers
              split       optional: train, valid or test, the log's own split, in place of one made here
impressions   query_id, item_id, rank (from 1, or from 0 in every list); every shown item is in items
              page or time  optional: where ranks start again on every page, pages follow each other in this order; or
              items       instead of item_id and rank: all items of the query from the top, as a list or with | , ; or
                          white space between them
clicks        query_id, item_id (or items), time (optional); every click is on an item that the query showed
items         item_id, text (or title) or words, and optionally image (an image_id; without the column, the image whose
              image_id is the item_id), category, domain
images        optional: image_id, vector (a list of numbers; in text: a JSON list, or commas between them; in Parquet
              bytes (int8) are 127ths), as bench data images makes them of image files
word_vectors  optional: word, vector; words that are not in it are dropped. Without it, vectors are made from the log.

Empty values, NaN, and \\N, NULL, null, None, NA, N/A, nan and their like (--null) are null, in every format. Text is
brought to Unicode's NFC. Identical rows are one row. Clicks count as activity (--activity). Rows that cannot be read or
contradict others stop the ingestion, which names them all, unless --on-conflict drop leaves them out: of an item
listed twice the first in order stays, of an item shown twice to a query its best rank, of a query id or a rank given
twice none.
"""
"""The format, for people: ``bench data columns`` prints it."""


@dataclass(frozen=True)
class LogColumn:
    """A column of a log file.

    Attributes:
        name: its name in the file.
        kind: ``id``, ``label`` (an id that may be null), ``ids`` (a list of them), ``time``, ``rank``, ``number``,
            ``text``, ``words`` or ``vector``.
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
        LogColumn("position", "number", required=False),
        LogColumn("split", "label", required=False),
    ),
    "impressions": (
        LogColumn("query_id", "id"),
        LogColumn("item_id", "id"),
        LogColumn("rank", "rank"),
        LogColumn("page", "number", required=False),
        LogColumn("time", "time", required=False),
        LogColumn("items", "ids", required=False),
    ),
    "clicks": (
        LogColumn("query_id", "id"),
        LogColumn("item_id", "id"),
        LogColumn("time", "time", required=False),
        LogColumn("items", "ids", required=False),
    ),
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

IDS = {"queries": "query_id", "items": "item_id", "images": "image_id", "word_vectors": "word"}
"""The column that has no value twice, by table."""

OPTIONAL_TABLES = ("images", "word_vectors")


def columns_to_read(table: str, names: set[str]) -> tuple[LogColumn, ...]:
    """The columns of a table that its file is read for: a list ``items`` stands for ``item_id`` and ``rank``.

    Args:
        table: a key of ``LOG_TABLES``.
        names: the columns that the file has.
    """
    left_out: tuple[str, ...] = ("items",)
    if table in ("impressions", "clicks") and "items" in names and "item_id" not in names:
        left_out = ("item_id", "rank", "page")
    return tuple(column for column in LOG_TABLES[table] if table == "items" or column.name not in left_out)


def column_rows() -> list[dict[str, str | bool]]:
    """The columns for a program, a row each: table, column, kind, and whether the table and the column must be there.

    What stands for another column (``items`` for item_id and rank, a title for words) is written in ``INPUT_HELP``.
    """
    return [
        {
            "table": table,
            "column": column.name,
            "kind": column.kind,
            "table_required": table not in OPTIONAL_TABLES,
            "column_required": column.required,
        }
        for table, columns in LOG_TABLES.items()
        for column in columns
    ]
