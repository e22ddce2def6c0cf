"""The normal form of a log column as SQL: what a file's type is converted to, and which values cannot be converted.

Files give a column many types: a time may be a timestamp, ISO text or an integer, a list of words text or JSON. A
staged table has one type per kind of column. A value that cannot be converted becomes a marker (:func:`unreadable`
finds it), never null, since null is a value that was not given.
"""

from __future__ import annotations

import re

from bench.datasets.ingest.event_log import LogColumn

EXPECTED = {
    "id": "text or an integer",
    "label": "text or an integer",
    "time": "a timestamp, ISO text, or integer seconds or milliseconds",
    "rank": "an integer from 1",
    "text": "text",
    "words": "a list of words",
    "vector": "a list of numbers",
}
"""What may stand in a column, by its kind; for errors."""

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT"}
_FLOATS = {"FLOAT", "DOUBLE"}
_NOT_A_TIME = -(2**63)
_MILLISECONDS_FROM = 10**11  # as seconds that is the year 5138, as milliseconds March 1973
_MICROSECONDS_FROM = 10**14

_UNREADABLE = {
    "time": f"time = {_NOT_A_TIME}",
    "words": "list_contains(words, NULL) OR len(words) > list_count(words)",
    "rank": "rank < 1",
    "vector": "len(vector) = 0 OR len(vector) > list_count(vector)",
}


def normal_form(column: LogColumn, file_type: str) -> str | None:
    """The SQL expression of a column's normal form: ids and labels as VARCHAR, texts and words as VARCHAR[], times as
    BIGINT ms since 1970, ranks as INTEGER, vectors as FLOAT[].

    Args:
        column: the column.
        file_type: the DuckDB type that it has in the file.

    Returns:
        the expression; None for a type that the column cannot have.
    """
    name, kind = f'"{column.name}"', column.kind
    is_text, is_integer, is_list = file_type == "VARCHAR", file_type in _INTEGERS, file_type.endswith("]")
    element = re.sub(r"\[\d*\]$", "", file_type)
    if kind in ("id", "label", "text") and file_type == '"NULL"':
        return "NULL::VARCHAR[]" if kind == "text" else "NULL::VARCHAR"
    if kind in ("id", "label") and (is_text or is_integer):
        return f"{name}::VARCHAR"
    if kind == "text" and is_text:
        return _split(name)
    if kind == "words" and is_list and element in _INTEGERS | {"VARCHAR"}:
        return f"list_filter({name}::VARCHAR[], lambda w: w IS NOT NULL AND trim(w) <> '')"
    if kind == "words" and is_text:
        json_list = f"coalesce(TRY_CAST(TRY_CAST({name} AS JSON) AS VARCHAR[]), [NULL])"
        return f"CASE WHEN starts_with(ltrim({name}), '[') THEN {json_list} ELSE {_split(name)} END"
    if kind == "rank" and (is_text or is_integer):
        rank = f"TRY_CAST({name} AS INTEGER)"
        return f"CASE WHEN {_is_integer_text(name)} THEN {rank} END" if is_text else rank
    if kind == "vector" and is_list and element in _INTEGERS | _FLOATS:
        return f"{name}::FLOAT[]"
    if kind == "vector" and is_text:
        bracketed = f"'[' || trim({name}, '[] ') || ']'"
        return f"coalesce(TRY_CAST({bracketed} AS FLOAT[]), [NULL])"
    if kind == "time" and file_type.startswith("TIMESTAMP"):
        return f"epoch_ms({name})"
    if kind == "time" and is_integer:
        return _from_epoch(name)
    if kind == "time" and is_text:
        from_iso = f"coalesce(epoch_ms(TRY_CAST({name} AS TIMESTAMPTZ)), {_NOT_A_TIME})"
        of_text = f"WHEN {_is_integer_text(name)} THEN {_from_epoch(name)} ELSE {from_iso} END"
        return f"CASE WHEN {name} IS NULL THEN NULL {of_text}"
    if kind == "time" and file_type == '"NULL"' and not column.required:
        return "NULL::BIGINT"
    return None


def absent_form(column: LogColumn) -> str:
    """The SQL expression of a column that the file lacks: null, as VARCHAR[] for texts and words, else as VARCHAR."""
    return "NULL::VARCHAR[]" if column.kind in ("words", "text") else "NULL::VARCHAR"


def unreadable(column: LogColumn) -> str:
    """The SQL condition on a normal form that holds where the file's value could not be converted, or is missing from a
    required column."""
    null = f"{column.name} IS NULL" if column.required else "false"
    return f"({_UNREADABLE.get(column.kind, 'false')}) OR ({null})"


def _split(text: str) -> str:
    """The words of a text, which white space separates."""
    return f"list_filter(regexp_split_to_array({text}, '\\s+'), lambda w: w <> '')"


def _is_integer_text(text: str) -> str:
    return f"regexp_full_match(trim({text}), '[+-]?\\d+')"


def _from_epoch(value: str) -> str:
    """ms since 1970 of integer seconds or milliseconds; numbers as large as microseconds are no time."""
    number = f"TRY_CAST({value} AS BIGINT)"
    milliseconds = f"CASE WHEN abs({number}) < {_MILLISECONDS_FROM} THEN {number} * 1000 ELSE {number} END"
    in_range = f"abs({number}) < {_MICROSECONDS_FROM}"
    return f"CASE WHEN {value} IS NULL THEN NULL WHEN {in_range} THEN {milliseconds} ELSE {_NOT_A_TIME} END"
