"""Learning curves: the validation metric of each encoder by epoch, while the models that use it are trained."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from bench.figures.drawing import Drawing
from bench.figures.style import COLUMN, PAGE, light_grid, new_figure, printed, series, style

_PANEL, _LEGEND_ROW = 1.5, 0.14  # heights in inches
_KEYS = ["dataset", "baseline", "encoder"]


def summarise_learning(curves: pd.DataFrame) -> pd.DataFrame:
    """A table of dataset, baseline, encoder, epoch, mean, low, high (lowest and highest seed).

    It goes to the last epoch that all seeds trained for: where the first of them stopped, a mean would be one of fewer.

    Args:
        curves: a row per epoch: dataset, baseline, encoder, seed, epoch and valid.
    """
    known = curves.dropna(subset="valid")
    last = known.groupby([*_KEYS, "seed"], sort=False)["epoch"].max().groupby(level=_KEYS, sort=False).min()
    common = known.merge(last.rename("last").reset_index(), on=_KEYS)
    common = common[common["epoch"] <= common["last"]]
    return common.groupby([*_KEYS, "epoch"], sort=False)["valid"].agg(mean="mean", low="min", high="max").reset_index()


def draw_learning(curves: pd.DataFrame, names: Mapping[str, str] | None = None) -> Drawing:
    """A panel per baseline and dataset, a line for each encoder.

    Args:
        curves: as for :func:`summarise_learning`; not empty.
        names: printed names of datasets, baselines and encoders, where they differ from the names.
    """
    names, numbers = names or {}, summarise_learning(curves)
    datasets, baselines, encoders = (list(dict.fromkeys(numbers[key])) for key in _KEYS)
    several = len(datasets) > 1
    columns = 4 if several else 2
    legend = _LEGEND_ROW * math.ceil(len(encoders) / columns) + 0.1
    with style():
        figure = new_figure(PAGE if several else COLUMN, _PANEL * len(baselines) + legend)
        grid = figure.subplots(len(baselines), len(datasets), sharex=True, sharey="row", squeeze=False)
        for baseline, row in zip(baselines, grid, strict=True):
            for dataset, axes in zip(datasets, row, strict=True):
                light_grid(axes, "y")
                axes.set_title(f"{printed(dataset, names)}, {printed(baseline, names)}")
                shown = numbers[(numbers["dataset"] == dataset) & (numbers["baseline"] == baseline)]
                for encoder, curve in shown.groupby("encoder", sort=False):
                    colour, marker = series(encoders.index(encoder))
                    x, low, high = curve["epoch"], curve["low"], curve["high"]
                    axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
                    every = max(1, len(curve) // 4)
                    label = printed(str(encoder), names)
                    axes.plot(x, curve["mean"], color=colour, marker=marker, markevery=every, label=label)
            row[0].set_ylabel("on validation")
        for axes in grid[-1]:
            axes.set_xlabel("epoch")
        lines = {line.get_label(): line for axes in grid.flat for line in axes.get_lines()}
        figure.legend(lines.values(), lines, loc="outside lower center", ncols=columns)
    seeds = int(curves.groupby(_KEYS)["seed"].nunique().max())
    return Drawing(
        "learning",
        "Learning curves of the models that use a session",
        figure,
        numbers,
        (
            "The metric by which an epoch is chosen, on the validation split, by epoch. "
            + (f"Line: mean over {seeds} seeds; band: lowest to highest seed; " if seeds > 1 else "One seed; ")
            + "a line ends where the first seed stopped.",
            "A line that still rises at its end says that more epochs would help. The numbers are of validation queries"
            " and stand in no table.",
        ),
    )
