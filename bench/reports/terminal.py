"""Tables of an experiment on a terminal: what is too wide goes on below, with the labels on the left again.

Where the labels leave no room for even one column, the leftmost of them goes into the title, and each of its values has
a table of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from rich.console import Console

from bench.reports.fitting import Layout, Row, print_fitting, print_paragraph
from bench.reports.table import Table


def print_tables(tables: Sequence[Table], console: Console) -> None:
    """Prints tables under one another, each in as many pieces as the width asks for."""
    for table in tables:
        for title, layout in pieces(table, console.width):
            print_fitting([layout], console, title)
        for note in table.notes:
            print_paragraph(note, console)
        console.print()


def pieces(table: Table, width: int) -> list[tuple[str, Layout]]:
    """The title and the layout of each piece: all of it where that fits, else one group of columns after the other.

    A group that is itself too wide is broken between columns; where one column is too wide beside the labels, the
    leftmost label goes into the title.
    """
    found = _between_columns(table, width)
    if len(table.stubs) > 1 and any(layout.width > width for _, layout in found):
        return [piece for part in _by_first_label(table) for piece in pieces(part, width)]
    return found


def _by_first_label(table: Table) -> Iterator[Table]:
    """A table for each run of lines that share their leftmost label, which is in its title."""
    for label, lines in groupby(table.lines, key=lambda line: line.stubs[0]):
        without = tuple(replace(line, stubs=line.stubs[1:]) for line in lines)
        yield replace(table, title=f"{table.title}: {label}", stubs=table.stubs[1:], lines=without)


def _between_columns(table: Table, width: int) -> list[tuple[str, Layout]]:
    """The pieces of a table that is broken between columns alone."""
    groups = [name for name, columns in table.groups for _ in range(columns)] or [""] * len(table.columns)
    every = range(len(table.columns))
    whole = _piece(table, every, [f"{groups[place]}\n{table.columns[place]}".strip("\n") for place in every])
    if whole.width <= width or not every:
        return [(table.title, whole)]
    found: list[tuple[str, Layout]] = []
    start = 0
    while start < len(every):
        stop = start + 1
        layout = _piece(table, range(start, stop), table.columns)
        while stop < len(every) and groups[stop] == groups[start]:
            wider = _piece(table, range(start, stop + 1), table.columns)
            if wider.width > width:
                break
            layout, stop = wider, stop + 1
        named = f"{table.title}: {groups[start]}" if groups[start] else table.title
        found.append((f"{named} (continued)" if found and found[-1][0].startswith(named) else named, layout))
        start = stop
    return found


def _piece(table: Table, columns: range, heads: Sequence[str]) -> Layout:
    """Some columns of a table, beside the labels on the left; ``heads`` are those of all columns."""
    rows = tuple(
        Row(
            (*line.stubs, *(line.cells[place].text.replace("; ", "\n") for place in columns)),
            rule=line.rule and number > 0,
            bold=frozenset(len(line.stubs) + at for at, place in enumerate(columns) if line.cells[place].bold),
        )
        for number, line in enumerate(table.lines)
    )
    return Layout((*table.stubs, *(heads[place] for place in columns)), rows, left=len(table.stubs))
