"""Tables, independent of the format they are written in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TableCell:
    """A cell: its text, which may have ± and †, and whether it is bold."""

    text: str
    bold: bool = False


@dataclass(frozen=True)
class Line:
    """A line of a table.

    Attributes:
        stubs: the labels on the left, one for each of the table's ``stubs``.
        cells: one for each of the table's ``columns``.
        rule: whether a horizontal rule is drawn above it.
    """

    stubs: tuple[str, ...]
    cells: tuple[TableCell, ...]
    rule: bool = False


@dataclass(frozen=True)
class Table:
    """A table of texts, and its numbers.

    Attributes:
        id: for file names, and for programs that look a number up.
        title: one line.
        stubs: heads of the labels on the left.
        groups: heads that span columns, each with the number of its columns; empty where there are none.
        columns: heads of the columns.
        lines: from top to bottom.
        notes: what must be known to read the numbers.
        rows: the numbers for programs: a flat object each, with its ``table``, ``row`` and ``column``.
    """

    id: str
    title: str
    stubs: tuple[str, ...]
    groups: tuple[tuple[str, int], ...]
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    rows: tuple[dict[str, Any], ...] = ()

    @property
    def heads(self) -> list[str]:
        """Heads of all columns, stubs and groups included, for a format that cannot span columns."""
        groups = [name for name, width in self.groups for _ in range(width)] or [""] * len(self.columns)
        return [*self.stubs, *(f"{group} {column}".strip() for group, column in zip(groups, self.columns, strict=True))]
