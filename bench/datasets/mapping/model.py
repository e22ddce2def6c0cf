"""What a log mapping says, as values: files, parts of tables that are made of them, where each column comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bench.datasets.ingest.log_files import TextForm

ROW, PLACE, RUN, ORDER, UNKNOWN = "@row", "@place", "@run", "@order", "@unknown"
NUMBERS = {
    ROW: "the number of the row in its file",
    PLACE: "the place in the lists that are exploded, from 1",
    RUN: "the number of the run of equal values in a row's list",
}
"""Numbers that a row has although no column of its file has them, by the name that a map gives them."""

RANKS = {
    ORDER: "the order of the rows of a query; an item that comes again has its first place",
    UNKNOWN: "not known: an order that says nothing of clicks, from a hash of query and item",
}
"""Ranks that no column gives, by the name that a map gives them."""

Scalar = str | int | float | bool


@dataclass(frozen=True)
class MapFile:
    """A file of the log.

    Attributes:
        name: what the map calls it.
        paths: globs below the log's folder; all files that one of them fits are read as one.
        text: how it is written where it is a text with separators.
    """

    name: str
    paths: tuple[str, ...]
    text: TextForm


@dataclass(frozen=True)
class Join:
    """Columns of another file that a row gets by a key.

    Attributes:
        file: the name of the other file; its columns are ``FILE.COLUMN``.
        on: pairs of a column of the table's file and one of the other file.
    """

    file: str
    on: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Filter:
    """A condition on a column; rows that do not fulfil it are left out.

    Attributes:
        column: the column.
        values: one of which it has to have; booleans are true and false in any spelling, numbers are compared as such.
        others: none of which it may have; null is none of them.
        above: what its number has to exceed.
        below: what its number has to stay under.
        empty: whether it has to be null, or must not be; None for either.
    """

    column: str
    values: tuple[Scalar, ...] = ()
    others: tuple[Scalar, ...] = ()
    above: float | None = None
    below: float | None = None
    empty: bool | None = None


@dataclass(frozen=True)
class Value:
    """Where a column of the event log comes from.

    Attributes:
        columns: columns of the file; of several, an id is all of them and a text the words of all.
        constant: the value of every row, where there are no columns.
        split: the separator of a list in a text; None for a single value.
        translated: other names for its values.
        unit: of a time in numbers, or of what is added to a time.
        form: of a written time, as strptime has it; empty where it is ISO or found out.
        plus: the column of an offset from the time in ``columns``.
        intervals: the column of a list of times between events; a row's time is the sum of those up to its place.
        start: the instant from which ``intervals`` count.
        end: the instant at which the last of ``intervals`` ends, where it is that which is known.
    """

    columns: tuple[str, ...] = ()
    constant: str | None = None
    split: str | None = None
    translated: tuple[tuple[str, str], ...] = ()
    unit: str = ""
    form: str = ""
    plus: str = ""
    intervals: str = ""
    start: str = ""
    end: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """All columns of files that it needs."""
        return tuple(name for name in (*self.columns, self.plus, self.intervals) if name)


@dataclass(frozen=True)
class Part:
    """Rows of a file that become rows of a table of the event log.

    Attributes:
        table: the table.
        where: the part in the map, for errors.
        file: the name of the file.
        joins: other files whose columns are at hand.
        filters: which rows count; all of them have to be fulfilled.
        explode: columns with lists of one length, of which each place becomes a row.
        split: the separator of these lists.
        runs: one of them, whose equal neighbours are counted as one run.
        first: whether of several rows of a query id the earliest alone counts.
        columns: by the name in the event log.
    """

    table: str
    where: str
    file: str
    columns: dict[str, Value]
    joins: tuple[Join, ...] = ()
    filters: tuple[Filter, ...] = ()
    explode: tuple[str, ...] = ()
    split: str = ""
    runs: str = ""
    first: bool = False

    @property
    def names(self) -> set[str]:
        """All columns that it needs, as the map writes them; not the numbers that no file has."""
        found = {name for value in self.columns.values() for name in value.names}
        found |= {entry.column for entry in self.filters} | set(self.explode)
        return found - set(NUMBERS) - set(RANKS)


@dataclass(frozen=True)
class LogMap:
    """A log mapping.

    Attributes:
        name: of the map that ships, or of its file.
        path: its file.
        about: what log it is for.
        licence: of the data.
        caveats: what tables of such a corpus have to say.
        files: by name.
        parts: of all tables.
        unknown_items: ``add`` makes items of ids that were shown and are in no catalogue; ``fault`` refuses them.
    """

    name: str
    path: Path
    about: str = ""
    licence: str = ""
    caveats: tuple[str, ...] = ()
    files: dict[str, MapFile] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    unknown_items: Literal["add", "fault"] = "fault"

    @property
    def tables(self) -> list[str]:
        """The tables that it makes, once each."""
        made = list(dict.fromkeys(part.table for part in self.parts))
        return made if "items" in made or self.unknown_items == "fault" else [*made, "items"]

    def made_of(self, table: str) -> str:
        """What a table is made of, in words."""
        files = dict.fromkeys(" and ".join(self.files[part.file].paths) for part in self.parts if part.table == table)
        return ", ".join(files) or "ids that were shown"
