"""Forest plots: the declared differences with their intervals, grouped by part, dataset and baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from bench.errors import shortened
from bench.figures.drawing import Drawing
from bench.figures.style import COLOURS, COLUMN, GREY, INK, PAGE, light_grid, new_figure, printed, style
from bench.plugins.specs import REFERENCE
from bench.printable import counted
from bench.stats.banerjee import few
from bench.stats.marks import dagger
from bench.stats.outcome import Outcome
from bench.stats.rounding import decimals_of_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW, _PANEL = 0.125, 0.62  # heights in inches
_TWO_COLUMNS = 36  # rows beyond which one column would be too tall


def draw_forest(
    groups: Mapping[str, Sequence[Outcome]], names: Mapping[str, str] | None = None, id: str = "deltas"
) -> Drawing:
    """A panel per part, with a row per outcome under the name of its dataset and baseline.

    Args:
        groups: outcomes by the title of their part; a part without any has no panel.
        names: printed names of datasets, baselines, encoders and metrics, where they differ from the names.
        id: of the drawing.
    """
    names = names or {}
    panels = {title: list(_rows(outcomes, names)) for title, outcomes in groups.items() if outcomes}
    columns = _columns(panels)
    tall = max(sum(_ROW * len(panels[title]) + _PANEL for title in column) for column in columns)
    with style():
        figure = new_figure(PAGE if len(columns) > 1 else COLUMN, tall)
        halves = figure.subfigures(1, len(columns), squeeze=False)[0]
        for half, column in zip(halves, columns, strict=True):
            heights = [_ROW * len(panels[title]) + 0.1 for title in column]
            grid = half.subplots(len(column), 1, squeeze=False, height_ratios=heights)[:, 0]
            for axes, title in zip(grid, column, strict=True):
                _draw_panel(axes, panels[title], names)
                axes.set_title(printed(title))
    outcomes = [outcome for group in groups.values() for outcome in group]
    return Drawing(id, "Differences with their intervals", figure, _numbers(groups), _caption(outcomes))


_LONGEST_ROW = 44  # letters


def _rows(outcomes: Sequence[Outcome], names: Mapping[str, str]) -> list[tuple[str, Outcome | None]]:
    """The lines of a panel: a heading without an outcome, or a contrast with its outcome."""
    rows: list[tuple[str, Outcome | None]] = []
    headings = dict.fromkeys((o.hypothesis.dataset, o.hypothesis.baseline) for o in outcomes)
    for dataset, baseline in headings:
        rows.append((shortened(f"{printed(dataset, names)}, {printed(baseline, names)}", _LONGEST_ROW), None))
        for outcome in outcomes:
            h = outcome.hypothesis
            if (h.dataset, h.baseline) == (dataset, baseline):
                rows.append((shortened(_contrast(h.encoder, h.reference, names), _LONGEST_ROW), outcome))
    return rows


def _columns(panels: Mapping[str, Sequence[Any]]) -> list[list[str]]:
    """The panels' titles, in their order, in one column or in two of about the same height."""
    titles = list(panels)
    sizes = [len(panels[title]) + _PANEL / _ROW for title in titles]
    if sum(len(rows) for rows in panels.values()) <= _TWO_COLUMNS or len(titles) < 2:
        return [titles]
    cut = min(range(1, len(titles)), key=lambda first: max(sum(sizes[:first]), sum(sizes[first:])))
    return [titles[:cut], titles[cut:]]


def _draw_panel(axes: Axes, rows: Sequence[tuple[str, Outcome | None]], names: Mapping[str, str]) -> None:
    """Draws the rows of a panel, the first at the top."""
    light_grid(axes, "x")
    axes.axvline(0, color=GREY, linewidth=0.8)
    beside = axes.get_yaxis_transform()  # x as a share of the axes' width, y in data
    for y, (_, outcome) in enumerate(rows):
        if outcome is None:
            continue
        difference = outcome.difference
        if difference is None:
            axes.text(1.02, y, "MISSING", transform=beside, va="center", color=GREY, fontsize=6.0)
            continue
        mark = dagger(outcome.p_adjusted, difference.replicates)
        colour = COLOURS[0] if mark else GREY
        if math.isfinite(difference.low):
            axes.plot([difference.low, difference.high], [y, y], color=colour, linewidth=1.0)
        axes.plot(difference.delta, y, "o", color=colour, markerfacecolor=colour if mark else "white")
        text = f"{difference.delta:+.{decimals_of_interval(difference.low, difference.high)}f}{mark}".replace("-", "−")
        axes.text(1.02, y, text, transform=beside, va="center", fontsize=6.0, color=INK)
    metrics = dict.fromkeys(outcome.hypothesis.metric for _, outcome in rows if outcome is not None)
    axes.set_xlabel(f"Δ {', '.join(names.get(metric, metric.upper()) for metric in metrics)}")
    axes.set_ylim(len(rows) - 0.3, -0.7)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    for label, (_, outcome) in zip(axes.get_yticklabels(), rows, strict=True):
        if outcome is None:
            label.set_fontstyle("italic")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=3)


def _contrast(encoder: str, reference: str, names: Mapping[str, str]) -> str:
    """The printed contrast: ``LSTM`` against vanilla, else ``MUVCOG-M − LSTM``; the options alone of a variant of the
    same encoder."""
    name = printed(encoder, names)
    if reference == REFERENCE:
        return name
    base, bracket, options = reference.partition("[")
    return f"{name} − {bracket + options if bracket and base == encoder else printed(reference, names)}"


def _numbers(groups: Mapping[str, Sequence[Outcome]]) -> pd.DataFrame:
    rows = [{"part": title, **outcome.as_dict()} for title, outcomes in groups.items() for outcome in outcomes]
    return pd.DataFrame(rows)


def _caption(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    families = dict.fromkeys((outcome.family, outcome.family_size) for outcome in outcomes)
    seeds = sorted({outcome.difference.replicates for outcome in outcomes if outcome.difference is not None})
    corpora = {len(outcome.difference.corpus_deltas) for outcome in outcomes if outcome.difference is not None}
    over = "users and seeds" if corpora <= {0} else f"{max(corpora)} corpora"
    sizes = [f"{name}: {counted(size, 'hypothesis', 'hypotheses')}" for name, size in families]
    sentences = [
        f"Differences to {REFERENCE} where no other reference is named, in the primary metric, with 95 % intervals "
        f"over {over} (not widened for the number of comparisons). Filled and †: p < 0.05 after Holm over the "
        f"whole declared family ({', '.join(sizes)})."
    ]
    if seeds == [1]:
        sentences.append("One seed: everything here is conditional on one trained model per encoder.")
    elif seeds and few(min(seeds)):
        sentences.append("Fewer than five seeds: the intervals are Banerjee's, and no difference is marked.")
    missing = sum(outcome.difference is None for outcome in outcomes)
    if missing:
        sentences.append(f"{missing} of {len(outcomes)} have no result; they count in the family all the same.")
    return tuple(sentences)
