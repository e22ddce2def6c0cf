"""The normal form of a log column as SQL.

Files give a column many types: a time may be a timestamp, ISO text or a number, a list of words text or JSON. A staged
table has one type per kind of column. A column has a *value*, null where the file says null in any way, and a *form*,
null where the value is or cannot be converted; so that a value without a form is a fault, and null is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bench.datasets.ingest.event_log import LogColumn
from bench.datasets.ingest.options import TimeUnit
from bench.datasets.ingest.times import (
    FIRST_YEAR,
    UNIT_NAMES,
    believed,
    from_number,
    from_text,
    from_timestamp,
    last_year,
    number_of,
)
from bench.datasets.ingest.words_sql import (
    is_blank,
    separated_list,
    trimmed,
    words_of_list,
    words_of_text,
    written_list,
)
from bench.datasets.sql_text import literals

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}
_INTEGERS |= {f"U{name}" for name in _INTEGERS} | {"UUID"}
_EXACT = {"FLOAT": 2**24, "DOUBLE": 2**53}
_EXPECTED = {
    "id": "text or an integer below 2^53",
    "ids": "a list of ids",
    "rank": "an integer from 1",
    "number": "a number",
    "text": "text",
    "words": "a list of words",
    "vector": "a list of numbers",
}


@dataclass(frozen=True)
class ColumnReading:
    """How the values of a column are read, which may depend on all of them.

    Attributes:
        null: texts that are null.
        fold: whether words are folded.
        unit: of a time in numbers.
        any_time: whether times before 1990 or after next year are taken.
        whole_doubles: whether ids in text are doubles without a fraction, such as ``33.0``.
    """

    null: tuple[str, ...]
    fold: bool = False
    unit: TimeUnit = "s"
    any_time: bool = False
    whole_doubles: bool = False


def value_of(name: str, file_type: str, reading: ColumnReading) -> str:
    """The SQL of a column's value: null for null, for NaN, and for texts that are empty or say null."""
    column = f'"{name}"'
    if file_type == "VARCHAR":
        return f"CASE WHEN {said_null(name, reading.null)} OR {is_blank(column)} THEN NULL ELSE {column} END"
    if file_type in _EXACT:
        return f"CASE WHEN isnan({column}) THEN NULL ELSE {column} END"
    return column


def said_null(name: str, null: tuple[str, ...]) -> str:
    """The SQL of whether a column of text says null."""
    if not null:
        return "false"
    texts = literals(null)
    longest = max(map(len, null)) + 2  # a longer text is not looked at again: a blank on each side is allowed for
    return f"""(strlen("{name}") <= {longest} AND trim("{name}") IN ({texts}))"""


def form_of(column: LogColumn, value: str, file_type: str, reading: ColumnReading) -> str | None:
    """The SQL of a column's normal form: ids and labels as VARCHAR, lists of ids, texts and words as VARCHAR[], times
    as BIGINT ms since 1970, ranks as INTEGER, other numbers as DOUBLE, vectors as FLOAT[].

    Args:
        column: the column.
        value: SQL of its value.
        file_type: the DuckDB type that it has in the file.
        reading: how it is read.

    Returns:
        the expression; None for a type that the column cannot have.
    """
    is_text, is_integer = file_type == "VARCHAR", file_type in _INTEGERS
    is_number = is_integer or file_type in _EXACT or file_type.startswith("DECIMAL")
    element = re.sub(r"\[\d*\]$", "", file_type) if file_type.endswith("]") else ""
    if file_type == '"NULL"':
        return f"NULL::{_TYPES[column.kind]}" if not column.required else None
    match column.kind:
        case "id" | "label":
            return _id(value, file_type, reading) if is_text or is_number else None
        case "ids" if element in _INTEGERS | {"VARCHAR"}:
            return words_of_list(value, fold=False)
        case "ids" if is_text:
            return words_of_list(separated_list(f"trim({value})"), fold=False)
        case "text" if is_text or is_integer:
            return words_of_text(f"{value}::VARCHAR", reading.fold)
        case "words" if element in _INTEGERS | {"VARCHAR"}:
            return words_of_list(value, reading.fold)
        case "words" if is_text:
            written = words_of_list(written_list(value), reading.fold)
            split = words_of_text(value, reading.fold)
            return f"CASE WHEN starts_with(ltrim({value}), '[') THEN {written} ELSE {split} END"
        case "rank" if is_text or is_number:
            number = f"TRY_CAST({value} AS DOUBLE)"
            return f"CASE WHEN {number} = trunc({number}) AND {number} >= 0 THEN TRY_CAST({number} AS INTEGER) END"
        case "number" if is_text or is_number:
            return f"TRY_CAST({value} AS DOUBLE)"
        case "vector" if element == "TINYINT":
            return _vector(f"list_transform({value}, lambda number: number::FLOAT / 127)")
        case "vector" if element in _INTEGERS | set(_EXACT) or element.startswith("DECIMAL"):
            return _vector(f"TRY_CAST({value} AS FLOAT[])")  # null where a number is too large for it
        case "vector" if is_text:
            bare = f"trim({value}, '[] ')"
            commas = f"CASE WHEN contains({bare}, ',') THEN {bare} ELSE regexp_replace({bare}, '\\s+', ',', 'g') END"
            return _vector(f"TRY_CAST('[' || {commas} || ']' AS FLOAT[])")
        case "time":
            return _time(value, file_type, reading, is_number)
    return None


def absent_form(column: LogColumn) -> str:
    """The SQL of a column that the file lacks."""
    return f"NULL::{_TYPES[column.kind]}"


def expected(column: LogColumn, reading: ColumnReading) -> str:
    """What may stand in a column, for an error."""
    if column.kind != "time":
        return _EXPECTED["id" if column.kind == "label" else column.kind]
    years = "" if reading.any_time else f" between {FIRST_YEAR} and {last_year()}"
    return f"a timestamp, ISO text or {UNIT_NAMES[reading.unit]}{years}"


_TYPES = dict.fromkeys(("id", "label"), "VARCHAR") | dict.fromkeys(("ids", "text", "words"), "VARCHAR[]")
_TYPES |= {"time": "BIGINT", "rank": "INTEGER", "number": "DOUBLE", "vector": "FLOAT[]"}


def _id(value: str, file_type: str, reading: ColumnReading) -> str:
    if file_type == "VARCHAR" and not reading.whole_doubles:
        return trimmed(value)
    if file_type in _INTEGERS:
        return f"{value}::VARCHAR"
    number = f"TRY_CAST({value} AS DOUBLE)" if file_type == "VARCHAR" else value
    exact = f" AND abs({number}) < {_EXACT.get(file_type, 2**53)}" if not file_type.startswith("DECIMAL") else ""
    return f"CASE WHEN {number} = trunc({number}){exact} THEN {number}::HUGEINT::VARCHAR END"


def _vector(numbers: str) -> str:
    """A list of numbers; null where one of them is null, or there is none."""
    return f"CASE WHEN len({numbers}) > 0 AND len({numbers}) = list_count({numbers}) THEN {numbers} END"


def _time(value: str, file_type: str, reading: ColumnReading, is_number: bool) -> str | None:
    if file_type.startswith("TIMESTAMP") or file_type == "DATE":
        form = from_timestamp(value, file_type)
    elif is_number:
        form = from_number(value, reading.unit)
    elif file_type == "VARCHAR":
        number = from_number(value, reading.unit)
        form = f"CASE WHEN {number_of(value)} IS NOT NULL THEN {number} ELSE {from_text(f'trim({value})')} END"
    else:
        return None
    return form if reading.any_time else believed(form)
