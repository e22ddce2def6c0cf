"""A session and its candidates as a picture: where each system ranks what was clicked, and what was not."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from bench.figures.drawing import Drawing
from bench.figures.session_text import write_steps
from bench.figures.style import COLOURS, GREY, INK, PAGE, PALE, new_figure, printed, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW = 0.14  # inches of a candidate
AS_SHOWN = "as shown"
"""The name of the first system, the order in which candidates were shown."""


def draw_ranks(ranks: pd.DataFrame, steps: Sequence[str], dataset: str, baseline: str, rule: str) -> Drawing:
    """The steps at the left, then the candidates in the order shown, and in that of each system; lines join an item's
    places.

    Args:
        ranks: a row per system and candidate: ``system`` (the first is the order shown), ``item`` (its words),
            ``shown`` (its place as shown), ``clicked``, ``rank`` (its place, ties at their mean).
        steps: the session's steps as text.
        dataset, baseline: as tables print them.
        rule: how the session was chosen.
    """
    systems = list(dict.fromkeys(ranks["system"]))
    candidates = ranks[ranks["system"] == systems[0]].sort_values("shown")
    with style():
        figure = new_figure(PAGE, max(1.9, _ROW * len(candidates) + 0.55))
        text, axes = figure.subplots(1, 2, width_ratios=[1, 2.4])
        write_steps(text, dataset, steps, latest=6, width=38, lines=24)
        for candidate in candidates.itertuples():
            of_item = ranks[ranks["shown"] == candidate.shown].set_index("system")["rank"].reindex(systems)
            _draw_item(axes, of_item.tolist(), bool(candidate.clicked), str(candidate.item))
        _finish(axes, systems, len(candidates))
    best = ranks[ranks["clicked"]].groupby("system", sort=False)["rank"].min()
    caption = (
        f"A session of {dataset}, chosen by a rule that knows no encoder: {rule}. Its candidates from top to bottom, "
        f"as shown and as {baseline} ranks them with each encoder (one seed); the clicked ones in blue.",
        f"First clicked item at rank {', '.join(f'{rank:g} ({system})' for system, rank in best.items())}. "
        "One session proves nothing; tables are over all of them.",
    )
    return Drawing("session", "A session and its candidates", figure, ranks, caption)


def _draw_item(axes: Axes, places: list[float], clicked: bool, words: str) -> None:
    """Draws an item's way from its place as shown through its places under the systems."""
    colour = COLOURS[0] if clicked else GREY
    axes.plot(
        range(len(places)),
        places,
        color=colour if clicked else PALE,
        linewidth=1.6 if clicked else 0.7,
        marker="o" if clicked else ".",
        markerfacecolor=colour,
        markeredgecolor=colour,
        zorder=3 if clicked else 2,
    )
    axes.text(-0.08, places[0], textwrap.shorten(words, 34, placeholder=" …"), ha="right", va="center", fontsize=5.5)


def _finish(axes: Axes, systems: list[str], candidates: int) -> None:
    """Sets limits and labels: rank 1 at the top."""
    axes.set_ylim(candidates + 0.6, 0.4)
    axes.set_xlim(-1.15, len(systems) - 0.7)
    axes.set_xticks(range(len(systems)), [printed(system) for system in systems])
    axes.xaxis.tick_top()
    axes.tick_params(axis="x", length=0)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    for place in (1, *range(5, candidates + 1, 5)):
        axes.text(len(systems) - 0.75, place, str(place), ha="left", va="center", fontsize=5.5, color=INK)
