"""Tables on a terminal: of several layouts, from the fullest to the narrowest, the first one that fits is printed.

A name is never cut and a number never wrapped: a layout that is too wide gives way to one with fewer columns, and a
note says what is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from bench.printable import visible

_ONE_PIECE = re.compile(r"\[[-+−\d., ]+\]|[-+−±]?\d[\d.,]*( ± [\d.]+| %| [kMG]?B\b)|\bp( [<=])? [\d.]+")
_GLUE = "\ue000"  # stands for a space at which no line is broken: rich breaks at a no-break space


@dataclass(frozen=True)
class Row:
    """A row of a table; one of a single cell is a heading of those below.

    Attributes:
        cells: from left to right.
        rule: whether a rule stands above it.
        bold: places of the cells that are bold.
    """

    cells: tuple[str, ...]
    rule: bool = False
    bold: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "cells", tuple(map(visible, self.cells)))  # as wide as it will be printed


@dataclass(frozen=True)
class Layout:
    """One way to lay a table out.

    Attributes:
        head: heads of the columns; a line break makes a head of two lines.
        rows: from top to bottom.
        left: so many columns, the first ones, stand flush left; the others are numbers.
        prose: so many of these, the last ones, are sentences that may be wrapped; a name never is.
        note: what this layout leaves out; empty where it leaves out nothing.
    """

    head: tuple[str, ...]
    rows: tuple[Row, ...]
    left: int
    prose: int = 0
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "head", tuple(map(visible, self.head)))

    @property
    def width(self) -> int:
        """Columns of a terminal that it takes."""
        cells = [self.head, *(row.cells for row in self.rows)]
        widest = [0] * len(self.head)
        for row in cells:
            for place, cell in enumerate(row):
                widest[place] = max(widest[place], *(cell_len(line) for line in cell.split("\n")))
        return sum(widest) + 3 * len(widest) + 1


class PlainConsole(Console):
    """A console whose styles are its own: control characters in what is printed are spelt out."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of what is printed; those that move the cursor are rich's."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


def print_fitting(layouts: Sequence[Layout], console: Console, title: str = "") -> None:
    """Prints the first of the layouts that fits, else the last, and its note."""
    layout = next((layout for layout in layouts if layout.width <= console.width), layouts[-1])
    if title:
        console.print(title, style="italic", highlight=False, markup=False)
    table = Table(header_style="bold")
    for place, head in enumerate(layout.head):
        first = place < layout.left
        wraps = first and (layout.prose == 0 or place >= layout.left - layout.prose)
        table.add_column(Text(head), justify="left" if first else "right", no_wrap=not wraps, overflow="fold")
    for number, row in enumerate(layout.rows):
        cells = [Text(cell, style="bold" if place in row.bold else "") for place, cell in enumerate(row.cells)]
        cells += [Text("")] * (len(layout.head) - len(row.cells))
        heading = len(row.cells) == 1 < len(layout.head)
        ends = number + 1 < len(layout.rows) and layout.rows[number + 1].rule
        table.add_row(*cells, end_section=ends, style="bold" if heading else None)
    console.print(table)
    if layout.note:
        print_paragraph(layout.note, console)


def print_paragraph(text: str, console: Console, indent: int = 0, style: str = "") -> None:
    """Prints a paragraph, wrapped between words on a terminal, as one line elsewhere: programs search lines.

    A number stays with its deviation, its unit or its name, and an interval in one piece.
    """
    lines = [text]
    if console.is_terminal:
        kept = Text(visible(_ONE_PIECE.sub(lambda found: found[0].replace(" ", _GLUE), text)))
        wrapped = kept.wrap(console, max(console.width - indent, 1))
        lines = [line.plain.rstrip().replace(_GLUE, " ") for line in wrapped]
    for line in lines:
        console.print(Text(" " * indent + line, style=style), highlight=False, soft_wrap=not console.is_terminal)
