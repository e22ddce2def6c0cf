"""A session and its candidates as a picture: where each system ranks what was clicked, and what was not."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from bench.figures.drawing import Drawing
from bench.figures.session_text import Picture, draw_picture, draw_step_pictures, write_steps
from bench.figures.style import COLOURS, GREY, INK, PAGE, PALE, new_figure, printed, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW, _PICTURED_ROW = 0.14, 0.27  # inches of a candidate, and of one with a picture
_SIDE = 17.0  # points of a candidate's picture
AS_SHOWN = "as shown"
"""The name of the first system, the order in which candidates were shown."""


def draw_ranks(
    ranks: pd.DataFrame,
    steps: Sequence[str],
    dataset: str,
    baseline: str,
    rule: str,
    step_pictures: Sequence[Picture | None] = (),
    item_pictures: Mapping[int, Picture] | None = None,
) -> Drawing:
    """The steps at the left, then the candidates in the order shown, and in that of each system; lines join an item's
    places.

    Args:
        ranks: a row per system and candidate: ``system`` (the first is the order shown), ``item`` (its words),
            ``shown`` (its place as shown), ``clicked``, ``rank`` (its place, ties at their mean).
        steps: the session's steps as text.
        dataset, baseline: as tables print them.
        rule: how the session was chosen.
        step_pictures: of the steps, where the corpus has pictures.
        item_pictures: of the candidates, by their place as shown.
    """
    pictured = item_pictures or {}
    systems = list(dict.fromkeys(ranks["system"]))
    candidates = ranks[ranks["system"] == systems[0]].sort_values("shown")
    with style():
        figure = new_figure(PAGE, max(1.9, (_PICTURED_ROW if pictured else _ROW) * len(candidates) + 0.55))
        text, axes = figure.subplots(1, 2, width_ratios=[1, 2.4])
        write_steps(text, dataset, steps, latest=6, width=38, lines=24)
        draw_step_pictures(text, step_pictures, latest=6)
        for candidate in candidates.itertuples():
            of_item = ranks[ranks["shown"] == candidate.shown].set_index("system")["rank"].reindex(systems)
            picture = pictured.get(int(candidate.shown))
            _draw_item(axes, of_item.tolist(), bool(candidate.clicked), str(candidate.item), picture)
        _finish(axes, systems, len(candidates))
    best = ranks[ranks["clicked"]].groupby("system", sort=False)["rank"].min()
    caption = (
        f"A session of {dataset}, chosen by a rule that knows no encoder: {rule}. Its candidates from top to bottom, "
        f"as shown and as {baseline} ranks them with each encoder (one seed); the clicked ones in blue.",
        f"First clicked item at rank {', '.join(f'{rank:g} ({system})' for system, rank in best.items())}. "
        "One session proves nothing; tables are over all of them.",
    )
    return Drawing("session", "A session and its candidates", figure, ranks, caption)


def _draw_item(axes: Axes, places: list[float], clicked: bool, words: str, picture: Picture | None) -> None:
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
    axes.annotate(
        textwrap.shorten(words, 34, placeholder=" …"),
        (-0.08, places[0]),
        (0.0 if picture is None else -_SIDE - 3, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=5.5,
        annotation_clip=False,
    )
    if picture is not None:
        draw_picture(axes, picture, (-0.08, places[0]), _SIDE)


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
