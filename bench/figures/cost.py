"""What each encoder buys against what it costs: differences to vanilla over the seconds that they took."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from bench.figures.drawing import Drawing
from bench.figures.panels import new_panels
from bench.figures.style import GREY, INK, light_grid, printed, style
from bench.plugins.specs import REFERENCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL = 1.55  # height in inches


def draw_cost(points: pd.DataFrame, names: Mapping[str, str] | None = None) -> Drawing:
    """A panel per baseline and dataset, in which each encoder is a point with its interval.

    Args:
        points: a row per system, not empty: ``dataset``, ``baseline``, ``encoder``, ``metric``, ``seconds``
            (all jobs of a seed, the mean over seeds), ``delta``, ``low``, ``high``. No interval where low is NaN.
        names: printed names of datasets, baselines, encoders and metrics, where they differ from the names.
    """
    names = names or {}
    encoders = [encoder for encoder in dict.fromkeys(points["encoder"]) if encoder != REFERENCE]
    kinds = list(dict.fromkeys(zip(points["baseline"], points["metric"], strict=True)))
    parts = [points[(points["baseline"] == baseline) & (points["metric"] == metric)] for baseline, metric in kinds]
    datasets = [list(dict.fromkeys(shown["dataset"])) for shown in parts]
    with style():
        panels = new_panels([baseline for baseline, _ in kinds], datasets, encoders, names, _PANEL)
        for (_, metric), shown, mine, row in zip(kinds, parts, datasets, panels.rows, strict=True):
            for dataset, axes in zip(mine, row, strict=True):
                _draw_panel(axes, shown[shown["dataset"] == dataset], panels.marks, names)
            _mark_seconds(row[0], shown["seconds"])
            row[0].set_ylabel(f"Δ {names.get(metric, metric.upper())}")
        panels.finish("seconds of a seed")
    return Drawing("cost", "What an encoder buys, and what it costs", panels.figure, points, _CAPTION)


_CAPTION = (
    f"Difference to {REFERENCE} in the primary metric, with its 95 % interval over users and seeds, against the "
    "seconds of one seed: pretraining, vectors of the task's queries, training and scoring of the model, on one "
    f"processor of the machine that computed them. Dashed: the seconds of {REFERENCE}. What stands further left costs "
    "less, what stands higher buys more.",
    "Pretraining is paid once for all baselines and tasks, and is counted in full in each panel. Seconds are those of "
    "the run that was stored, whatever else the machine did then.",
)


def _draw_panel(
    axes: Axes, shown: pd.DataFrame, marks: Mapping[str, tuple[str, str]], names: Mapping[str, str]
) -> None:
    """Draws the points of a panel."""
    light_grid(axes, "both")
    axes.axhline(0, color=GREY, linewidth=0.8)
    for row in shown.to_dict("records"):
        encoder, seconds = row["encoder"], float(row["seconds"])
        if encoder == REFERENCE:
            axes.axvline(seconds, color=INK, linewidth=0.7, linestyle=(0, (3, 2)))
            continue
        label, delta = printed(encoder, names), float(row["delta"])
        colour, marker = marks[label]
        if math.isfinite(row["low"]):
            axes.plot([seconds] * 2, [row["low"], row["high"]], color=colour, linewidth=0.9)
        axes.plot([seconds], [delta], color=colour, marker=marker, markersize=4.5, linestyle="none", label=label)


def _mark_seconds(axes: Axes, seconds: pd.Series[float]) -> None:
    """A logarithmic scale for a row of panels, with as many numbers on it as do not touch."""
    from matplotlib.ticker import LogLocator, NullLocator

    decades = math.log10(seconds.max() / seconds.min())
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5) if decades < 1 else (1, 3) if decades < 2 else (1,)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
