"""The SQL of what a map says: values, lists and times. Columns have names of our own, texts of the map are quoted."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.datasets.ingest.column_sql import ColumnReading, value_of
from bench.datasets.ingest.times import from_number, from_text, from_timestamp, number_of
from bench.datasets.ingest.words_sql import separated_list, words_of_text
from bench.datasets.mapping.model import NUMBERS, PLACE, ROW, RUN, Value
from bench.datasets.mapping.values import UNITS
from bench.datasets.sql_text import literal

_BETWEEN_IDS = "#"
_NUMBER_COLUMNS = {ROW: "row_number", PLACE: "place", RUN: "run"}


@dataclass(frozen=True)
class AtHand:
    """The columns of a part's rows, before they become columns of the event log.

    Attributes:
        columns: SQL name and type of each, by the name that the map has for it.
        null: texts that are null.
        passed: SQL of the sum of a row's intervals up to its place, and of all of them, by their column.
    """

    columns: dict[str, tuple[str, str]]
    null: tuple[str, ...]
    passed: dict[str, tuple[str, str]] = field(default_factory=dict)

    def raw(self, name: str) -> str:
        """A column as it stands in the file."""
        return _NUMBER_COLUMNS[name] if name in NUMBERS else f'"{self.columns[name][0]}"'

    def type(self, name: str) -> str:
        """Its DuckDB type."""
        return "BIGINT" if name in NUMBERS else self.columns[name][1]

    def text(self, name: str) -> str:
        """A column as text, null for null; whole doubles as integers."""
        raw, kind = self.raw(name), self.type(name)
        if kind == "VARCHAR":
            return value_of(self.columns[name][0], kind, ColumnReading(self.null))
        if kind in ("DOUBLE", "FLOAT"):
            whole = f"{raw} = trunc({raw}) AND abs({raw}) < 9007199254740992"
            return f"CASE WHEN isnan({raw}) THEN NULL WHEN {whole} THEN {raw}::BIGINT::VARCHAR ELSE {raw}::VARCHAR END"
        return f"{raw}::VARCHAR"

    def list(self, name: str, split: str | None) -> str:
        """A column as a list of texts: as it is, split, or as JSON, Python or the usual separators write it."""
        if self.type(name).endswith("]"):
            return f"{self.raw(name)}::VARCHAR[]"
        if split:
            return f"string_split({self.text(name)}, {literal(split)})"
        return separated_list(f"trim({self.text(name)})")


def key_of(text: str) -> str:
    """A key as it is compared with another file's: without blanks around it, and 33.0 as 33."""
    return f"regexp_replace(trim({text}), '^(-?\\d+)\\.0+$', '\\1')"


def value_sql(value: Value, kind: str, at_hand: AtHand, as_text: bool, as_list: bool) -> str:
    """The SQL of a column of the event log.

    Args:
        value: where it comes from.
        kind: its kind (:class:`bench.datasets.ingest.event_log.LogColumn`).
        at_hand: the columns of the rows.
        as_text: whether single values become text, as other parts of the table have other types.
        as_list: whether words become a list, as those of other parts are one.
    """
    if value.constant is not None:
        return words_of_text(literal(value.constant), fold=False) if as_list else literal(value.constant)
    if kind == "time":
        return time_sql(value, at_hand, as_text)
    if kind in ("id", "label") and len(value.columns) > 1:
        return f" || '{_BETWEEN_IDS}' || ".join(_part_of_id(at_hand.text(name)) for name in value.columns)
    if kind == "words" and (value.split is not None or at_hand.type(value.columns[0]).endswith("]")):
        lists = [f"coalesce({at_hand.list(name, value.split)}, [])" for name in value.columns]
        return " || ".join(lists)
    if len(value.columns) > 1:
        together = f"concat_ws(' ', {', '.join(at_hand.text(name) for name in value.columns)})"
        return words_of_text(together, fold=False) if as_list else together
    name = value.columns[0]
    if value.translated:
        cases = " ".join(f"WHEN {literal(old)} THEN {literal(new)}" for old, new in value.translated)
        return f"CASE trim({at_hand.text(name)}) {cases} ELSE {at_hand.text(name)} END"
    if as_list:
        return words_of_text(at_hand.text(name), fold=False)
    return at_hand.text(name) if as_text and kind != "vector" else at_hand.raw(name)


def time_sql(value: Value, at_hand: AtHand, as_text: bool) -> str:
    """The SQL of a time: as the file has it, or as ISO text where the map says how it is read.

    What is no time stays the text that it is, so that ``ingest`` names it.
    """
    if value.intervals:
        whole = f"list_sum({intervals_sql(value, at_hand)})"
        passed, in_all = at_hand.passed.get(value.intervals, (whole, whole))
        edge = from_text(literal(value.start or value.end))
        if value.end:
            passed = f"{passed} - {in_all}"
        return _iso(f"{edge} + floor(({passed}) * {UNITS[value.unit]!r})::BIGINT", at_hand.text(value.intervals))
    name = value.columns[0]
    if not (value.unit or value.plus or value.form):
        return at_hand.text(name) if as_text else at_hand.raw(name)
    text, kind = at_hand.text(name), at_hand.type(name)
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        instant = from_timestamp(at_hand.raw(name), kind)
    elif value.form:
        instant = f"epoch_ms(try_strptime(trim({text}), {literal(value.form)}))"
    elif value.plus:
        instant = from_text(f"trim({text})")
    else:
        milliseconds = _milliseconds(text, value.unit)
        instant = f"CASE WHEN {number_of(text)} IS NOT NULL THEN {milliseconds} ELSE {from_text(f'trim({text})')} END"
    if not value.plus:
        return _iso(instant, text)
    offset = at_hand.text(value.plus)
    return _iso(f"{instant} + {_milliseconds(offset, value.unit)}", f"{text} || ' + ' || {offset}")


def intervals_sql(value: Value, at_hand: AtHand) -> str:
    """The SQL of a list of intervals as numbers; null where one of them is none."""
    numbers = f"list_transform({at_hand.list(value.intervals, value.split)}, lambda x: TRY_CAST(x AS DOUBLE))"
    return f"CASE WHEN list_count({numbers}) = len({numbers}) THEN {numbers} END"


def _milliseconds(text: str, unit: str) -> str:
    if unit in ("s", "ms", "us", "ns"):
        return from_number(text, unit)  # type: ignore[arg-type]  # these are units of both
    return f"floor(TRY_CAST({text} AS DOUBLE) * {UNITS[unit]!r})::BIGINT"


def _iso(milliseconds: str, otherwise: str) -> str:
    written = f"strftime(make_timestamp_ms({milliseconds}), '%Y-%m-%d %H:%M:%S.%g')"
    return f"coalesce({written}, {otherwise})"


def _part_of_id(text: str) -> str:
    """A part of an id that cannot be taken for two: the sign between parts is written otherwise in it."""
    return f"replace(replace(trim({text}), '~', '~0'), '{_BETWEEN_IDS}', '~1')"
