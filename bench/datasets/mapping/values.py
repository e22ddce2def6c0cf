"""Where a column of the event log comes from: how a map writes it, and in words."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from bench.datasets.mapping.model import NUMBERS, ORDER, RANKS, UNKNOWN, Value
from bench.errors import BenchError, did_you_mean
from bench.files import StrictTable

UNITS = {"s": 1000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6, "min": 60_000.0, "h": 3_600_000.0}
"""Milliseconds of the units of time that a map may name."""

_DIRECTIVE = re.compile(r"%-?.?", re.DOTALL)
_KNOWN = {f"%{sign}{letter}" for sign in ("", "-") for letter in "dmyHIMSj"} | {f"%{one}" for one in "YbBaApzgf%"}

_TIME_KEYS = ("column", "value", "format", "unit", "plus", "intervals", "split", "start", "end")
_SEVERAL = {"id", "label", "text", "words"}
_TEXTS = {"words", "text"}
_LISTS = {"words", "ids"}


def constant(text: str) -> Value:
    """A value that all rows have."""
    return Value(constant=text)


def read_value(value: Any, where: str, kind: str) -> Value:
    """What a map says of a column.

    Args:
        value: a column's name, a list of names, or a table.
        where: it stands.
        kind: of the column in the event log (:class:`bench.datasets.ingest.event_log.LogColumn`).

    Raises:
        BenchError: it says something else.
    """
    if isinstance(value, str | list):
        return Value(columns=_columns(value, where, kind))
    keys = _TIME_KEYS if kind == "time" else ("column", "value", "split", "values")
    table = StrictTable(value, where, keys)
    if kind == "time" and "intervals" in table.values:
        return _intervals(table)
    if ("column" in table.values) == ("value" in table.values):
        raise BenchError("has no column and no value", where=where, fix="give one of them: column or value")
    if "value" in table.values:
        return _constant(table, kind)
    columns = _columns(table.values["column"], table.at("column"), kind)
    if kind == "time":
        unit, plus = _unit(table), table.text("plus", "")
        if plus and not unit:
            raise BenchError("no unit", where=table.where, fix=f"name that of {plus}: {', '.join(UNITS)}")
        for key in ("start", "end", "split"):
            if key in table.values:
                raise BenchError("is for intervals", where=table.at(key), fix="leave it out")
        return Value(columns, unit=unit, plus=plus, form=_form(table, unit))
    split = None
    if "split" in table.values:
        split = table.text("split")
        if kind not in _LISTS:
            raise BenchError("is for lists: words or items", where=table.at("split"), fix="leave it out")
        if not split:
            raise BenchError("is empty", where=table.at("split"), fix='such as "_", "|" or "\\u0018"')
    return Value(columns, split=split, translated=tuple(_translated(table).items()))


def _columns(value: Any, where: str, kind: str) -> tuple[str, ...]:
    found = value if isinstance(value, list) else [value]
    if not found or not all(isinstance(one, str) and one for one in found):
        raise BenchError("is no column, and no list of columns", where=where, fix='such as "queryId"')
    if len(found) > 1 and kind not in _SEVERAL:
        raise BenchError("is made of one column", where=where, fix="name one")
    for name in found:
        if name in RANKS and kind != "rank":
            raise BenchError(f"{name} is a rank", where=where, fix="name a column")
    return tuple(found)


def _constant(table: StrictTable, kind: str) -> Value:
    value = table.values["value"]
    if len(table.values) > 1:
        raise BenchError("a value stands alone", where=table.where, fix="leave the other keys out")
    if kind == "time":
        return Value(constant=_instant(value, table.at("value")))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BenchError(f"{value!r} is not a text or a number", where=table.at("value"))
    return constant(str(value))


def _intervals(table: StrictTable) -> Value:
    """A time as the sum of a row's intervals, from a start or up to an end."""
    if ("start" in table.values) == ("end" in table.values):
        raise BenchError("intervals need a start, or an end", where=table.where, fix='such as start = "2022-01-01"')
    for key in ("column", "value", "format", "plus"):
        if key in table.values:
            raise BenchError("does not go with intervals", where=table.at(key), fix="leave it out")
    start, end = (_instant(table.values[key], table.at(key)) if key in table.values else "" for key in ("start", "end"))
    split = table.text("split", "") or None
    unit = _unit(table) or "s"
    return Value(intervals=table.text("intervals"), start=start, end=end, split=split, unit=unit)


def _instant(value: Any, where: str) -> str:
    text = value.isoformat() if isinstance(value, date) else value
    try:
        datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise BenchError(f"{value!r} is not a date or time", where=where, fix='such as "2022-01-01"') from error
    return str(text)


def _unit(table: StrictTable) -> str:
    unit = table.text("unit", "")
    if unit and unit not in UNITS:
        raise BenchError(f"{unit!r} is no unit of time", where=table.at("unit"), fix=did_you_mean(unit, UNITS))
    return unit


def _form(table: StrictTable, unit: str) -> str:
    """The form of a written time; empty where the map names none."""
    form = table.text("format", "")
    if not form:
        return ""
    if unit and "plus" not in table.values:
        raise BenchError("a format is for written times, a unit for numbers", where=table.where, fix="leave one out")
    unknown = [one for one in _DIRECTIVE.findall(form) if one not in _KNOWN]
    if unknown or not {"%Y", "%y"} & set(_DIRECTIVE.findall(form)):
        what = f"{unknown[0]} in a format is not known" if unknown else f"{form!r} has no year"
        raise BenchError(what, where=table.at("format"), fix='such as "%d.%m.%Y %H:%M:%S"')
    return form


def _translated(table: StrictTable) -> dict[str, str]:
    """Other names for values; TOML's keys are texts, and so are the values."""
    return table.mapping("values")


def value_in_words(value: Value, kind: str) -> str:
    """Where a column comes from, as half a sentence."""
    if value.constant is not None:
        return f"{value.constant!r} in every row"
    if value.intervals:
        how = f", a list with {value.split!r} between," if value.split else ""
        edge = f"from {value.start} on" if value.start else f"such that the last one ends at {value.end}"
        return f"the sum of {value.intervals}{how} up to the row's place, in {value.unit}, {edge}"
    said = ", ".join(NUMBERS.get(name) or RANKS.get(name) or name for name in value.columns)
    if len(value.columns) > 1:
        said = f"{'the words of' if kind in _TEXTS else 'put together:'} {said}"
    if value.form:
        said += f", written as {value.form}"
    if value.plus:
        return f"{said} + {value.plus} ({value.unit})"
    if value.unit:
        said += f", in {value.unit}"
    if value.split is not None:
        said += f", a list with {value.split!r} between"
    if value.translated:
        said += ", where " + ", ".join(f"{old!r} is {new}" for old, new in value.translated)
    return said


def rank_of(value: Value | None) -> str:
    """``@order`` or ``@unknown`` where a rank is that; else empty."""
    name = value.columns[0] if value is not None and value.columns else ""
    return name if name in (ORDER, UNKNOWN) else ""
