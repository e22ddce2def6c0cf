"""The steps of a session as text at the side of a figure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.figures.style import printed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Picture = NDArray[np.uint8]
"""A small picture, (height, width, 3)."""


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


def draw_step_pictures(axes: Axes, pictures: Sequence[Picture | None], *, latest: int) -> None:
    """Draws the pictures of the last steps in a row at the bottom of the steps' text, each under its step's number.

    Args:
        axes: that of :func:`write_steps`.
        pictures: of the steps, None for a step without one.
        latest: how many steps are written.
    """
    numbered = [
        (number, one) for number, one in enumerate(pictures, 1) if one is not None and number > len(pictures) - latest
    ]
    for place, (number, picture) in enumerate(numbered[-4:]):
        panel = axes.inset_axes((0.25 * place, 0.0, 0.23, 0.3))
        panel.imshow(picture)
        panel.set_title(f"step {number}", fontsize=5.5, pad=1.5)
        panel.axis("off")
        panel.set_anchor("SW")


def draw_picture(axes: Axes, picture: Picture, at: tuple[float, float], side: float) -> None:
    """Draws a picture that ends at a point, in its middle, with its longer side of ``side`` points."""
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    image = OffsetImage(picture, zoom=side / max(picture.shape[:2]))
    box = AnnotationBbox(image, at, box_alignment=(1, 0.5), frameon=False, pad=0, annotation_clip=False)
    axes.add_artist(box)
