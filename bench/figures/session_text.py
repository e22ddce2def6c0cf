"""The steps of a session as text at the side of a figure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.figures.style import printed

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def write_steps(axes: Axes, dataset: str, steps: Sequence[str], *, latest: int, width: int, lines: int) -> None:
    """Writes the last steps, wrapped, under the name of the dataset.

    Args:
        axes: which nothing else is drawn to.
        dataset: as tables print it.
        steps: a line of text each.
        latest: how many of them are written; the others are counted.
        width: of a line, in letters.
        lines: the most that there is room for.
    """
    axes.axis("off")
    axes.set_title(printed(dataset))
    written = [line for step in steps[-latest:] for line in textwrap.wrap(step, width, subsequent_indent="   ")]
    if len(steps) > latest:
        written.insert(0, f"({len(steps) - latest} earlier steps)")
    shown = written if len(written) <= lines else [*written[: lines - 1], "…"]
    axes.text(0, 1, "\n".join(shown), transform=axes.transAxes, va="top", fontsize=5.5, linespacing=1.35)
