"""Conditions on columns of a log: how a map writes them, in words, and as SQL."""

from __future__ import annotations

import math
from typing import Any

from bench.datasets.mapping.model import Filter, Scalar
from bench.datasets.sql_text import literal
from bench.errors import BenchError
from bench.files import StrictTable

_KEYS = ("not", "above", "below", "empty")
_SPELLINGS = {True: ("true", "t", "yes", "y", "1"), False: ("false", "f", "no", "n", "0")}


def read_filter(column: str, value: Any, where: str) -> Filter:
    """A condition as it stands in a map: a value, several, or a table of ``not``, ``above``, ``below``, ``empty``.

    Raises:
        BenchError: it is none of these.
    """
    if not isinstance(value, dict):
        return Filter(column, values=_scalars(value, where))
    table = StrictTable(value, where, _KEYS)
    if not table.values:
        raise BenchError("says nothing", where=where, fix=f"such as {column} = {{ above = 0 }}")
    empty = table.values.get("empty")
    if empty is not None and not isinstance(empty, bool):
        raise BenchError(f"{empty!r} is not true or false", where=table.at("empty"))
    others = _scalars(value["not"], table.at("not")) if "not" in value else ()
    return Filter(column, (), others, _number(table, "above"), _number(table, "below"), empty)


def _scalars(value: Any, where: str) -> tuple[Scalar, ...]:
    found = value if isinstance(value, list) else [value]
    if not found or not all(isinstance(one, str | int | float | bool) and _is_finite(one) for one in found):
        raise BenchError("is no value, and no list of values", where=where, fix='such as "click", 1 or true')
    return tuple(found)


def _number(table: StrictTable, key: str) -> float | None:
    value = table.values.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        raise BenchError(f"{value!r} is not a number", where=table.at(key))
    return float(value)


def _is_finite(value: Scalar) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def filter_in_words(entry: Filter) -> str:
    """The condition as half a sentence."""
    said = []
    if entry.values:
        said.append("is " + " or ".join(map(_written, entry.values)))
    if entry.others:
        said.append("is not " + " or ".join(map(_written, entry.others)))
    if entry.above is not None:
        said.append(f"is above {entry.above:g}")
    if entry.below is not None:
        said.append(f"is below {entry.below:g}")
    if entry.empty is not None:
        said.append("is empty" if entry.empty else "is not empty")
    return f"{entry.column} {' and '.join(said)}"


def filter_sql(entry: Filter, text: str) -> str:
    """The SQL of a condition.

    Args:
        entry: the condition.
        text: SQL of the column's value as text, null for null.
    """
    conditions = []
    if entry.values:
        conditions.append("(" + " OR ".join(_is(text, value) for value in entry.values) + ")")
    if entry.others:
        conditions.append("coalesce(NOT (" + " OR ".join(_is(text, value) for value in entry.others) + "), true)")
    number = f"TRY_CAST({text} AS DOUBLE)"
    if entry.above is not None:
        conditions.append(f"{number} > {entry.above!r}")
    if entry.below is not None:
        conditions.append(f"{number} < {entry.below!r}")
    if entry.empty is not None:
        conditions.append(f"{text} IS {'' if entry.empty else 'NOT '}NULL")
    return "coalesce(" + " AND ".join(conditions) + ", false)"


def _is(text: str, value: Scalar) -> str:
    if isinstance(value, bool):
        spellings = ", ".join(f"'{one}'" for one in _SPELLINGS[value])
        zeros = f"coalesce(TRY_CAST({text} AS DOUBLE) = {float(value)!r}, false)"
        return f"(lower(trim({text})) IN ({spellings}) OR {zeros})"
    if isinstance(value, int | float):
        return f"TRY_CAST({text} AS DOUBLE) = {float(value)!r}"
    return f"trim({text}) = {literal(value)}"


def _written(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)
