"""What became of a log's rows: as lines that say what matters first, and as rows for a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.datasets.ingest.faults import Faults


@dataclass(frozen=True)
class Conversion:
    """What a reader of another format did before its rows became an event log of the files that ``ingest`` reads.

    Attributes:
        reader: its name, such as ``ubi``.
        files: of what it read, by a name that says which: ``file``, ``bytes`` and ``sha256``, for the provenance.
        options: those of the reader that decide the corpus's contents.
        read: rows that it read, by what they are, such as ``events``.
        dropped: rows that it left out, by reason.
        notes: how it read what could be read in several ways.
        warnings: what can hardly be right.
        caveats: what a table of this corpus has to say under it.
        made_of: what each table was made of, in words: errors name that, and no file that the reader made.
        faults: what the reader found wrong; reported together with what ``ingest`` finds.
    """

    reader: str
    files: Mapping[str, Mapping[str, Any]]
    options: Mapping[str, Any] = field(default_factory=dict)
    read: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    made_of: Mapping[str, str] = field(default_factory=dict)
    faults: Faults | None = None


@dataclass
class IngestReport:
    """What became of a log's rows, and what was found out about it.

    Attributes:
        read: rows of each file, by table.
        kept: rows of each table of the corpus, images and clicks among them.
        dropped: rows dropped, by reason.
        identical: rows that are there twice and became one, by table.
        ignored_columns: columns that an event log does not have, by table.
        measures: what the kept sessions look like, by name; see :mod:`.plausibility`.
        notes: how the log was read where it could be read in several ways: units of time, spellings, separators, nulls.
        warnings: what can hardly be right.
    """

    read: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    identical: dict[str, int] = field(default_factory=dict)
    ignored_columns: dict[str, list[str]] = field(default_factory=dict)
    measures: dict[str, float | int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def converted_from(self, conversion: Conversion) -> None:
        """Adds what a reader of another format did before; its rows are the ones that were read."""
        self.read = {**conversion.read, **{f"{name} made of these": count for name, count in self.read.items()}}
        self.dropped = {**{what: count for what, count in conversion.dropped.items() if count}, **self.dropped}
        self.notes = [*conversion.notes, *self.notes]
        self.warnings = [*conversion.warnings, *self.warnings]

    def lines(self) -> list[str]:
        """The report for people: sessions first, then what is missing of the log, then how it was read."""
        kept, measures = self.kept, self.measures
        users = f"{measures['users']:,} users" if measures["users"] else "no users"
        steps = kept["queries"] / kept["sessions"]
        lines = [
            f"kept: {kept['sessions']:,} sessions, {kept['queries']:,} queries ({steps:.1f} a session), {users}, "
            f"{kept['impressions']:,} impressions, {kept['clicks']:,} clicks, {kept['items']:,} items, "
            f"{kept['images']:,} images",
            f"words: {kept['vocabulary']:,}; {measures['share of query words found in titles']:.1%} of query words "
            "stand in some title",
            f"time: {_day(measures['first query, ms since 1970'])} to {_day(measures['last query, ms since 1970'])}",
            "read: " + ", ".join(f"{count:,} {what}" for what, count in self.read.items()),
            "dropped: " + (", ".join(f"{count:,} {what}" for what, count in self.dropped.items()) or "nothing"),
        ]
        if self.identical:
            rows = ", ".join(f"{count:,} of {table}" for table, count in self.identical.items())
            lines.append(f"identical to another row, and read once: {rows}")
        ignored = [f"{', '.join(names)} ({table})" for table, names in self.ignored_columns.items()]
        if ignored:
            lines.append(f"columns that are not read: {', '.join(ignored)}")
        return lines + self.notes

    def told(self) -> list[str]:
        """The lines, and below them the warnings, as commands print both."""
        return [*self.lines(), *(f"Warning: {warning}" for warning in self.warnings)]

    def rows(self) -> list[dict[str, str | int | float]]:
        """The report for a program, as flat objects.

        Each has ``what`` (read, kept, dropped, identical, measure, ignored, note or warning), ``name`` (a table, reason
        or measure; the text of a note or warning), and ``value``, a number.
        """
        rows: list[dict[str, str | int | float]] = []
        for what in ("read", "kept", "dropped", "identical"):
            rows += [{"what": what, "name": name, "value": count} for name, count in getattr(self, what).items()]
        rows += [{"what": "measure", "name": name, "value": value} for name, value in self.measures.items()]
        for table, names in self.ignored_columns.items():
            rows += [{"what": "ignored", "name": f"{table}.{name}", "value": 1} for name in names]
        rows += [{"what": "note", "name": note, "value": 1} for note in self.notes]
        return rows + [{"what": "warning", "name": warning, "value": 1} for warning in self.warnings]


def _day(milliseconds: float) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M}"
