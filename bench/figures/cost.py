"""What each encoder buys against what it costs: differences to vanilla over the seconds that they took."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from bench.figures.drawing import Drawing
from bench.figures.style import COLUMN, GREY, INK, PAGE, light_grid, new_figure, printed, series, style
from bench.plugins.specs import REFERENCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL, _LEGEND_ROW = 1.55, 0.14  # heights in inches


def draw_cost(points: pd.DataFrame, names: Mapping[str, str] | None = None) -> Drawing:
    """A panel per baseline and dataset, in which each encoder is a point with its interval.

    Args:
        points: a row per system, not empty: ``dataset``, ``baseline``, ``encoder``, ``metric``, ``seconds``
            (all jobs of a seed, the mean over seeds), ``delta``, ``low``, ``high``. No interval where low is NaN.
        names: printed names of datasets, baselines, encoders and metrics, where they differ from the names.
    """
    names = names or {}
    datasets = list(dict.fromkeys(points["dataset"]))
    encoders = [encoder for encoder in dict.fromkeys(points["encoder"]) if encoder != REFERENCE]
    kinds = list(dict.fromkeys(zip(points["baseline"], points["metric"], strict=True)))
    several = len(datasets) > 1
    columns = 4 if several else 2
    legend = _LEGEND_ROW * math.ceil(len(encoders) / columns) + 0.1
    with style():
        figure = new_figure(PAGE if several else COLUMN, _PANEL * len(kinds) + legend)
        grid = figure.subplots(len(kinds), len(datasets), sharex="col", sharey="row", squeeze=False)
        for (baseline, metric), row in zip(kinds, grid, strict=True):
            for dataset, axes in zip(datasets, row, strict=True):
                shown = points[(points["baseline"] == baseline) & (points["dataset"] == dataset)]
                _draw_panel(axes, shown[shown["metric"] == metric], encoders, names)
                axes.set_title(f"{printed(dataset, names)}, {printed(baseline, names)}")
            row[0].set_ylabel(f"Δ {names.get(metric, metric.upper())}")
        for axes in grid[-1]:
            axes.set_xlabel("seconds of a seed")
        marks = {line.get_label(): line for axes in grid.flat for line in axes.get_lines() if _named(line.get_label())}
        figure.legend(marks.values(), marks, loc="outside lower center", ncols=columns)
    return Drawing("cost", "What an encoder buys, and what it costs", figure, points, _CAPTION)


_CAPTION = (
    f"Difference to {REFERENCE} in the primary metric, with its 95 % interval over users and seeds, against the "
    "seconds of one seed: pretraining, vectors of the task's queries, training and scoring of the model, on one "
    f"processor of the machine that computed them. Dashed: the seconds of {REFERENCE}. What stands further left costs "
    "less, what stands higher buys more.",
    "Pretraining is paid once for all baselines and tasks, and is counted in full in each panel. Seconds are those of "
    "the run that was stored, whatever else the machine did then.",
)


def _draw_panel(axes: Axes, shown: pd.DataFrame, encoders: list[str], names: Mapping[str, str]) -> None:
    """Draws the points of a panel; a marker and a colour for each encoder, the same in all panels."""
    from matplotlib.ticker import LogLocator, NullLocator

    light_grid(axes, "both")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.axhline(0, color=GREY, linewidth=0.8)
    for row in shown.to_dict("records"):
        encoder, seconds = row["encoder"], float(row["seconds"])
        if encoder == REFERENCE:
            axes.axvline(seconds, color=INK, linewidth=0.7, linestyle=(0, (3, 2)))
            continue
        colour, marker = series(encoders.index(encoder))
        if math.isfinite(row["low"]):
            axes.plot([seconds] * 2, [row["low"], row["high"]], color=colour, linewidth=0.9)
        label, delta = printed(encoder, names), float(row["delta"])
        axes.plot([seconds], [delta], color=colour, marker=marker, markersize=4.5, linestyle="none", label=label)


def _named(label: object) -> bool:
    """Whether a line stands in the legend; matplotlib's own labels begin with an underscore."""
    return not str(label).startswith("_")
