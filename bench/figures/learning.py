"""Learning curves: the validation metric of each encoder by epoch, while the models that use it are trained."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from bench.figures.drawing import Drawing
from bench.figures.panels import new_panels
from bench.figures.style import light_grid, printed, style

_PANEL = 1.5  # height in inches
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
    from matplotlib.ticker import MaxNLocator

    names, numbers = names or {}, summarise_learning(curves)
    baselines, encoders = (list(dict.fromkeys(numbers[key])) for key in ("baseline", "encoder"))
    parts = [numbers[numbers["baseline"] == baseline] for baseline in baselines]
    datasets = [list(dict.fromkeys(shown["dataset"])) for shown in parts]
    with style():
        panels = new_panels(baselines, datasets, encoders, names, _PANEL)
        for shown, mine, row in zip(parts, datasets, panels.rows, strict=True):
            for dataset, axes in zip(mine, row, strict=True):
                light_grid(axes, "y")
                for encoder, curve in shown[shown["dataset"] == dataset].groupby("encoder", sort=False):
                    label = printed(str(encoder), names)
                    colour, marker = panels.marks[label]
                    x, low, high = curve["epoch"], curve["low"], curve["high"]
                    axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
                    every = max(1, len(curve) // 4)
                    axes.plot(x, curve["mean"], color=colour, marker=marker, markevery=every, label=label)
            row[0].set_ylabel("on validation")
            row[0].xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        panels.finish("epoch")
    seeds = int(curves.groupby(_KEYS)["seed"].nunique().max())
    return Drawing(
        "learning",
        "Learning curves of the models that use a session",
        panels.figure,
        numbers,
        (
            "The metric by which an epoch is chosen, on the validation split, by epoch. "
            + (f"Line: mean over {seeds} seeds; band: lowest to highest seed; " if seeds > 1 else "One seed; ")
            + "a line ends where the first seed stopped.",
            "A line that still rises at its end says that more epochs would help. The numbers are of validation queries"
            " and stand in no table.",
        ),
    )
