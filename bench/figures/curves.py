"""Pretraining curves: loss and held-out accuracy by step, mean and range over seeds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bench.errors import BenchError
from bench.figures.drawing import Drawing, write_picture
from bench.figures.style import COLOURS, COLUMN, MARKERS, PAGE, light_grid, new_figure, printed, spread, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS = {"train_loss": "pretraining loss", "valid_accuracy": "held-out accuracy"}
"""The columns of a curve that are drawn, and their printed names."""

_KEYS = ["dataset", "encoder", "measure", "step"]


def summarise_curves(curves: pd.DataFrame) -> pd.DataFrame:
    """Curves summarised over seeds: a table of dataset, encoder, measure, step, mean, low, high (lowest and highest
    seed) and seeds (their number).

    Args:
        curves: one row per validation: dataset, encoder, seed, step, and train_loss or valid_accuracy or both.
    """
    measures = [name for name in PANELS if name in curves]
    long = curves.melt(["dataset", "encoder", "seed", "step"], measures, "measure", "value").dropna(subset="value")
    grouped = long.groupby(_KEYS, sort=False)["value"]
    return grouped.agg(mean="mean", low="min", high="max", seeds="count").reset_index()


def draw_curves(curves: pd.DataFrame, names: Mapping[str, str] | None = None) -> Drawing:
    """A row of panels for the loss and one for accuracy, a column for each dataset, a line for each encoder.

    Losses of different encoders are different functions: only the accuracies compare.

    Args:
        curves: as for :func:`summarise_curves`; not empty.
        names: printed names of datasets and encoders, where they differ from the names.
    """
    names = names or {}
    numbers = summarise_curves(curves)
    datasets, encoders = list(dict.fromkeys(numbers["dataset"])), list(dict.fromkeys(numbers["encoder"]))
    measures = [name for name in PANELS if name in set(numbers["measure"])]
    several = len(datasets) > 1
    with style():
        figure = new_figure(PAGE if several else COLUMN, 1.55 * len(measures) + (0.5 if several else 0.25))
        grid = figure.subplots(len(measures), len(datasets), sharex="col", sharey="row", squeeze=False)
        for measure, row in zip(measures, grid, strict=True):
            measured = numbers[numbers["measure"] == measure]
            top = 1.0 if measure == "valid_accuracy" else float(measured["high"].max())
            for dataset, axes in zip(datasets, row, strict=True):
                axes.set_ylim(0, 1.05 * top)
                _draw_panel(axes, measured[measured["dataset"] == dataset], encoders, names)
            row[0].set_ylabel(PANELS[measure])
            if not several:
                _label_ends(row[0], measured, encoders, names)
        for axes, dataset in zip(grid[0], datasets, strict=True):
            axes.set_title(printed(dataset, names))
        for axes in grid[-1]:
            axes.set_xlabel("step")
            axes.set_xlim(left=0)
        if several:  # between panels there is no room for names
            lines = {line.get_label(): line for axes in grid.flat for line in axes.get_lines()}
            figure.legend(lines.values(), lines, loc="outside lower center", ncols=4)
    seeds = int(numbers["seeds"].max())
    return Drawing(
        "curves",
        "Pretraining curves",
        figure,
        numbers,
        (
            f"Line: mean over {seeds} seeds; band: lowest to highest seed." if seeds > 1 else "One seed.",
            "Accuracy is the share of correct predictions of the pretraining task on held-out sessions. "
            "Losses of different encoders are different functions; only accuracies compare.",
        ),
    )


def plot_curve(curve: Path, dataset: str, encoder: str, seed: int, to: Path) -> None:
    """Draws the curve of one pretraining to a file.

    Args:
        curve: its ``curve.parquet``.
        dataset, encoder, seed: of the pretraining; ``dataset`` as tables print it.
        to: a PDF, SVG or PNG file.

    Raises:
        BenchError: the encoder has no curve.
    """
    rows = pd.read_parquet(curve)
    if not len(rows) or not set(PANELS).intersection(rows.columns):
        raise BenchError(f"{encoder} records no curve", where="--plot", fix="it has nothing to pretrain")
    write_picture(draw_curves(rows.assign(dataset=dataset, encoder=encoder, seed=seed)).figure, to)


def _draw_panel(axes: Axes, numbers: pd.DataFrame, encoders: list[str], names: Mapping[str, str]) -> None:
    """Draws a line and a band for each encoder that has the panel's measure."""
    light_grid(axes, "y")
    for number, encoder in enumerate(encoders):
        curve = numbers[numbers["encoder"] == encoder].sort_values("step")
        if not len(curve):
            continue
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        axes.fill_between(curve["step"], curve["low"], curve["high"], color=colour, alpha=0.2, linewidth=0)
        every = max(1, len(curve) // 4)
        label = printed(encoder, names)
        axes.plot(curve["step"], curve["mean"], color=colour, marker=marker, markevery=every, label=label)


def _label_ends(axes: Axes, numbers: pd.DataFrame, encoders: list[str], names: Mapping[str, str]) -> None:
    """Writes the encoders' names at the right ends of their lines, within the height of axes whose limits are final."""
    ends = numbers.sort_values("step").groupby("encoder").tail(1).set_index("encoder")["mean"]
    drawn = [encoder for encoder in encoders if encoder in ends.index]
    low, high = axes.get_ylim()
    heights = [(y - low) / (high - low) for y in spread([float(ends[e]) for e in drawn], 0.085 * (high - low))]
    excess = max(max(heights, default=0.0) - 1, 0.0) + min(min(heights, default=0.0), 0.0)  # above 1 or below 0
    for encoder, height in zip(drawn, heights, strict=True):
        colour = COLOURS[encoders.index(encoder) % len(COLOURS)]
        label = printed(encoder, names)
        axes.annotate(label, (1.02, height - excess), xycoords="axes fraction", color=colour, va="center", fontsize=6.5)
