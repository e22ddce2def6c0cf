"""The documents of a UBI log as one table: of each its fields, whether it is a query or an event, or what is wrong.

A line of JSON is a document, a search engine's hit (``_index``, ``_id``, ``_source``), or the line of a bulk request
that names the index of the next one. A row of Parquet is read as the JSON object that it stands for. Whether a document
is a query or an event its contents say (an event has an action); where they do not, the name of its index or file.
"""

from __future__ import annotations

import glob
from collections.abc import Sequence

import duckdb

from bench.datasets.ingest.reader_errors import first_line
from bench.datasets.sql_text import literal, literals
from bench.datasets.ubi.fields import EVENT_MARKS, FIELDS, QUERY_MARKS, clean, first_texts, pointers
from bench.datasets.ubi.files import UbiFile
from bench.errors import BenchError

BULK = r"""^\s*\{\s*"(index|create|update|delete)"\s*:\s*\{"""
_ATTRIBUTES_AS_TEXT = r'''"(event|query)_attributes"\s*:\s*"'''
_LARGEST_RESPONSE = 256 << 20

_KINDS = """
CREATE TABLE documents AS
SELECT row, line, part, index_name, product, {fields}, CASE
    WHEN shape <> 'document' THEN shape
    WHEN action IS NOT NULL THEN 'event'
    WHEN says_which = 'events' OR (says_which = '' AND marks = 'event') THEN 'event without an action'
    WHEN says_which = 'queries' OR marks = 'query' THEN 'query'
    WHEN index_name IS NOT NULL THEN 'other index'
    ELSE 'unknown'
END AS kind
FROM (
    SELECT *, CASE WHEN contains(lower(index_name), 'quer') = contains(lower(index_name), 'event') THEN ''
                   WHEN contains(lower(index_name), 'quer') THEN 'queries'
                   WHEN contains(lower(index_name), 'event') THEN 'events' ELSE says END AS says_which
    FROM (
        SELECT lines.* EXCLUDE (named), lines.rowid AS row, lines.rowid - lines.before AS line,
               coalesce(lines.named, actions.named) AS index_name
        FROM lines LEFT JOIN (
            SELECT rowid + 1 AS after, part AS same, named FROM lines WHERE shape = 'bulk' AND named IS NOT NULL
        ) AS actions ON lines.rowid = after AND part = same AND lines.shape <> 'bulk' AND lines.action IS NULL
    )
)
WHERE shape <> 'bulk'
"""


def read_documents(
    db: duckdb.DuckDBPyConnection, files: Sequence[UbiFile], message_types: tuple[str, ...], product_key: str
) -> int:
    """Makes table ``documents``: a row for each document of each file, in the fields of :mod:`.fields`.

    Beside these it has ``row``, ``part`` (the path), ``line`` in it, ``product`` and ``kind``: ``query``, ``event``,
    or else what keeps it from being read (``broken``, ``event without an action``, ``other index``, ``unknown``).

    Args:
        db: the database.
        files: the log's files.
        message_types: types of messages that are the words of a query.
        product_key: the key of ``query_attributes`` with the product or image that a query began from, or empty.

    Returns:
        number of documents, lines that name an index apart.

    Raises:
        BenchError: a file cannot be read at all.
    """
    lines = 0
    for file in files:
        sql = f"SELECT {lines - 1} AS before, * FROM ({_selected(file, message_types, product_key)})"
        into = "INSERT INTO lines" if file is not files[0] else "CREATE TABLE lines AS"
        try:
            lines += db.execute(f"{into} {sql}").fetchall()[0][0]
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            raise BenchError(first_line(error), where=str(file.path), fix="write the file again") from error
    db.execute(_KINDS.format(fields=", ".join(f'{clean(name)} AS "{name}"' for name in FIELDS)))
    db.execute("DROP TABLE lines")
    return int(db.execute("SELECT count(*) FROM documents").fetchall()[0][0])


def _selected(file: UbiFile, message_types: tuple[str, ...], product_key: str) -> str:
    """The query that reads a file."""
    part = literal(str(file.path))
    first = first_texts("found")
    if not message_types:
        first["message"] = "NULL::VARCHAR"
    else:
        first["message"] = (
            f"CASE WHEN {first['message_type']} IN ({literals(message_types)}) THEN {first['message']} END"
        )
    marks = [f"list_bool_or(json_exists(doc, [{literals(places)}]))" for places in (EVENT_MARKS, QUERY_MARKS)]
    return f"""
        SELECT {part} AS part, '{file.says}' AS says, named,
               CASE WHEN json IS NULL OR json_type(doc) IS DISTINCT FROM 'OBJECT' THEN 'broken'
                    WHEN is_bulk THEN 'bulk' ELSE 'document' END AS shape,
               CASE WHEN is_bulk OR {first["action"]} IS NOT NULL THEN ''
                    WHEN {marks[0]} THEN 'event' WHEN {marks[1]} THEN 'query' ELSE '' END AS marks,
               {_product(product_key)} AS product, {", ".join(f'{text} AS "{name}"' for name, text in first.items())}
        FROM (SELECT *, json_extract_string(doc, [{literals(pointers())}]) AS found FROM ({_unwrapped(file)}))
    """


def _unwrapped(file: UbiFile) -> str:
    """The documents of a file without what a search engine puts around them, and with attributes that are objects."""
    is_bulk = f"regexp_matches(json::VARCHAR, '{BULK}')"
    named = """CASE WHEN contains(json::VARCHAR, '"_index"')
        THEN coalesce(json ->> '/_index', json ->> '/index/_index', json ->> '/create/_index') END"""
    source = """CASE WHEN contains(json::VARCHAR, '"_source"') THEN coalesce(json_extract(json, '/_source'), json)
        ELSE json END"""
    attributes = ", ".join(
        f"'{name}', CASE WHEN json_type(raw, '/{name}') = 'VARCHAR' THEN TRY_CAST(raw ->> '/{name}' AS JSON) "
        f"ELSE json_extract(raw, '/{name}') END"
        for name in ("event_attributes", "query_attributes")
    )
    doc = f"""CASE WHEN regexp_matches(raw::VARCHAR, '{_ATTRIBUTES_AS_TEXT}')
        THEN json_merge_patch(raw, json_object({attributes})) ELSE raw END"""
    return f"""
        SELECT json, named, is_bulk, {doc} AS doc
        FROM (SELECT json, {is_bulk} AS is_bulk, {named} AS named, {source} AS raw FROM ({scanned(file)}))
    """


def scanned(file: UbiFile) -> str:
    """A file as rows of JSON; null for a line that is none."""
    path = literal(glob.escape(str(file.path)))
    if file.shape == "parquet":
        return f"SELECT to_json(log) AS json FROM read_parquet({path}, binary_as_string = true) AS log"
    if file.shape == "csv":
        return f"SELECT to_json(log) AS json FROM read_csv({path}, all_varchar = true) AS log"
    if file.shape == "list":
        return f"SELECT json FROM read_json_objects({path}, format = 'array')"
    lines = f"read_json_objects({path}, format = 'newline_delimited', ignore_errors = true"
    if file.shape == "lines":
        return f"SELECT json FROM {lines})"
    hits = "CASE WHEN json_type(json, '/hits/hits') = 'ARRAY' THEN json_extract(json, '$.hits.hits[*]') ELSE [json] END"
    return f"SELECT unnest({hits}) AS json FROM {lines}, maximum_object_size = {_LARGEST_RESPONSE})"


def _product(key: str) -> str:
    """The SQL of what a query began from; a key with dots is looked for as it is, and then level by level."""
    if not key:
        return "NULL::VARCHAR"
    escaped = key.replace("~", "~0").replace("/", "~1")
    places = [f"/query_attributes/{escaped}", f"/query_attributes/{escaped.replace('.', '/')}"]
    places.append(f"/query_attributes.{escaped}")
    found = ", ".join(f"json_extract_string(doc, {literal(place)})" for place in dict.fromkeys(places))
    return f"nullif(trim(coalesce({found})), '')"
