"""Bar charts (the paper's Figures 4 and 5): a metric of a baseline with several encoders, one panel per dataset."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import pandas as pd

from bench.evaluation.experiment import written_design
from bench.figures.drawing import Drawing
from bench.figures.style import COLOURS, COLUMN, GREY, INK, PALE, light_grid, new_figure, printed, style
from bench.plugins.specs import REFERENCE
from bench.stats.marks import dagger
from bench.stats.rounding import decimals

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bench.evaluation.experiment import Part
    from bench.evaluation.tests import Results

_ROW, _TITLE = 0.155, 0.42  # heights in inches


@dataclass(frozen=True)
class Bar:
    """One bar: the metric of a system, which is a baseline with an encoder on a dataset.

    Attributes:
        dataset, baseline, encoder: names of the system's parts.
        mean: over seeds and queries; None without a result.
        low, high: 95 % interval of the mean over users and seeds; None where it is not known.
        error: standard error of the mean; None where it is not known.
        p_adjusted: of the difference to vanilla, after Holm over the part's primary family; None without a test.
        seeds: number of seeds.
        status: ``done``, ``failed`` or ``missing``.
        corpora: number of corpora, where these are the replicates: the interval is over them, and ``seeds`` is theirs.
    """

    dataset: str
    baseline: str
    encoder: str
    mean: float | None
    low: float | None
    high: float | None
    error: float | None
    p_adjusted: float | None
    seeds: int
    status: str
    corpora: int | None = None


def bars_of(results: Results, part: Part) -> list[Bar]:
    """The bars of a part's primary metric, by dataset, baseline and encoder in the order of the plan."""
    metric, bars = part.metrics[0], []
    for dataset in part.datasets:
        for baseline in part.baselines:
            for encoder in results.encoders(part.id):
                system = (part.id, dataset, baseline, encoder)
                values = results.seed_values(*system, metric)
                interval = results.interval(*system, metric)
                outcome = results.outcome(*system, metric)
                known = interval is not None and math.isfinite(interval.low)
                bars.append(
                    Bar(
                        dataset,
                        baseline,
                        encoder,
                        mean=float(values.mean()) if len(values) else None,
                        low=interval.low if interval is not None and known else None,
                        high=interval.high if interval is not None and known else None,
                        error=interval.error if interval is not None and known else None,
                        p_adjusted=outcome.p_adjusted if outcome is not None else None,
                        seeds=results.experiment.seeds if len(values) else 0,
                        status=results.status(*system).state,
                        corpora=results.experiment.corpus_seeds,
                    )
                )
    return bars


def draw_bars(bars: Sequence[Bar], id: str, title: str, metric: str, names: Mapping[str, str] | None = None) -> Drawing:
    """Horizontal bars from 0, with the value at the end of each; a panel for each dataset and baseline.

    Args:
        bars: in the order of the panels and, in a panel, from top to bottom.
        id, title: of the drawing.
        metric: the metric on the axis.
        names: printed names of datasets, baselines, encoders and the metric, where they differ from the names.
    """
    names = names or {}
    measure = names.get(metric, metric.upper())
    panels: dict[tuple[str, str], list[Bar]] = {}
    for bar in bars:
        panels.setdefault((bar.dataset, bar.baseline), []).append(bar)
    ends = [bar.high if bar.high is not None else bar.mean for bar in bars]
    top = max((end for end in ends if end is not None), default=1.0)
    heights = [len(rows) for rows in panels.values()]
    with style():
        figure = new_figure(COLUMN, _ROW * sum(heights) + _TITLE * len(panels) + 0.3)
        grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        for axes, ((dataset, baseline), rows) in zip(grid, panels.items(), strict=True):
            _draw_panel(axes, rows, top, names)
            axes.set_title(f"{printed(dataset, names)}, {printed(baseline, names)}")
        grid[-1].set_xlabel(measure)
        grid[-1].set_xlim(0, top * 1.2)
    seeds = max((bar.seeds for bar in bars), default=0)
    corpora = next((bar.corpora for bar in bars), None)
    over = "users and seeds" if corpora is None else "corpora"
    unfinished = sum(bar.status != "done" for bar in bars)
    caption = [
        f"{measure}, mean over queries and {written_design(corpora, seeds)}. Whiskers: 95 % interval of that "
        f"mean over {over}. All encoders share users and queries, so intervals of means may overlap where the "
        f"difference is certain; † marks a difference to {REFERENCE} with p < 0.05 after Holm."
    ]
    if seeds == 1 and corpora is None:
        caption.append("One seed: everything here is conditional on one trained model.")
    if unfinished:
        caption.append(f"{unfinished} of {len(bars)} systems have no result.")
    return Drawing(id, title, figure, pd.DataFrame([{"metric": metric, **asdict(b)} for b in bars]), tuple(caption))


def _draw_panel(axes: Axes, rows: Sequence[Bar], top: float, names: Mapping[str, str]) -> None:
    """Draws a panel's bars, the first at the top; ``top`` is the largest value of all panels."""
    light_grid(axes, "x")
    for y, bar in enumerate(rows):
        if bar.mean is None:
            axes.text(0.01 * top, y, bar.status.upper(), va="center", color=GREY)
            continue
        colour = PALE if bar.encoder == REFERENCE else COLOURS[4]
        axes.barh(y, bar.mean, height=0.7, color=colour, linewidth=0)
        if bar.low is not None and bar.high is not None:
            axes.plot([bar.low, bar.high], [y, y], color=INK, linewidth=0.9)
        end = max(bar.mean, bar.high or 0.0)
        text = f"{bar.mean:.{decimals(bar.error)}f}{dagger(bar.p_adjusted, bar.seeds)}"
        axes.text(end + 0.015 * top, y, text, va="center", fontsize=6.5)
    axes.set_yticks(range(len(rows)), [printed(bar.encoder, names) for bar in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
