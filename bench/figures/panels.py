"""Panels of a baseline and a dataset each: a row for every baseline, with what it has, and one legend below all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.figures.style import COLUMN, PAGE, new_figure, printed, series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LEGEND_ROW, _SECOND_LINE = 0.14, 0.12  # heights in inches


@dataclass(frozen=True)
class Panels:
    """A figure of panels that are to be filled.

    Attributes:
        figure: that holds them.
        rows: of each baseline the panels of its datasets; a row has one scale for x and one for y.
        marks: of each printed encoder its colour and marker, the same in all panels.
    """

    figure: Figure
    rows: list[list[Axes]]
    marks: Mapping[str, tuple[str, str]]

    def finish(self, what: str) -> None:
        """Writes what x is under the lowest panel of each column, and below all of them the names of what was drawn."""
        columns = max(map(len, self.rows))
        for column in range(columns):
            [row[column] for row in self.rows if column < len(row)][-1].set_xlabel(what)
        lines = {str(line.get_label()): line for row in self.rows for axes in row for line in axes.get_lines()}
        shown = {label: line for label, line in lines.items() if not label.startswith("_")}  # matplotlib's own
        self.figure.legend(shown.values(), shown, loc="outside lower center", ncols=_legend_columns(columns))


def new_panels(
    baselines: Sequence[str],
    datasets: Sequence[Sequence[str]],
    encoders: Sequence[str],
    names: Mapping[str, str],
    height: float,
) -> Panels:
    """Empty panels with their titles.

    Args:
        baselines: of the rows.
        datasets: of each baseline.
        encoders: all that will be drawn. Those that are printed alike are one series.
        names: printed names of datasets, baselines and encoders, where they differ from the names.
        height: of a panel, in inches.
    """
    columns = max(map(len, datasets))
    marks = {label: series(i) for i, label in enumerate(dict.fromkeys(printed(name, names) for name in encoders))}
    between = "\n" if columns > 2 else ", "  # two names side by side would run into the next panel's
    row_height = height + (_SECOND_LINE if columns > 2 else 0)
    legend = _LEGEND_ROW * math.ceil(len(marks) / _legend_columns(columns)) + 0.1
    figure = new_figure(PAGE if columns > 1 else COLUMN, row_height * len(baselines) + legend)
    grid = figure.subplots(len(baselines), columns, sharex="row", sharey="row", squeeze=False)
    for baseline, mine, row in zip(baselines, datasets, grid, strict=True):
        for dataset, axes in zip(mine, row, strict=False):
            axes.set_title(f"{printed(dataset, names)}{between}{printed(baseline, names)}")
        for axes in row[len(mine) :]:
            axes.remove()
    return Panels(figure, [list(row[: len(mine)]) for mine, row in zip(datasets, grid, strict=True)], marks)


def _legend_columns(panels: int) -> int:
    """Names side by side below so many panels."""
    return 4 if panels > 1 else 2
