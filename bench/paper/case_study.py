"""Figure 6: one session's steps, and where its vector lies among its items under several encoders."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.figures.drawing import Drawing
from bench.figures.style import COLOURS, INK, PAGE, PALE, new_figure, require_plotting, style
from bench.stats.rounding import written_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bench.paper.case import Case
    from bench.paper.nearness import Nearness

_KINDS: dict[str, dict[str, Any]] = {
    "other session": {"marker": ".", "color": PALE, "s": 9, "linewidths": 0},
    "not clicked": {"marker": "s", "facecolors": "white", "edgecolors": COLOURS[1], "s": 13, "linewidths": 0.8},
    "clicked": {"marker": "o", "color": COLOURS[0], "s": 20, "linewidths": 0},
    "session": {"marker": "*", "color": INK, "s": 60, "linewidths": 0},
}
"""Kinds of points, the last on top. Shape as well as colour tells them apart."""


def draw_case(
    case: Case, steps: Sequence[str], dataset: str, found: Mapping[str, Nearness], baseline: str, seed: int = 0
) -> Drawing:
    """The steps as text, then a t-SNE map for each encoder with its two mean distances below.

    The maps are for the eye: t-SNE keeps neighbours, not distances, and each map stands for itself. The distances are
    measured in the encoder's own space.

    Args:
        case: what is shown.
        steps: its lines of text.
        dataset: as tables print it.
        found: by encoder.
        baseline: with which encoders that are not frozen were trained along.
        seed: of the maps.
    """
    require_plotting("sklearn")
    tables = {name: _points(one, seed) for name, one in found.items()}
    with style():
        figure = new_figure(PAGE, 2.35)
        first, *panels = figure.subplots(1, 1 + len(found), width_ratios=[1.35, *[1] * len(found)])
        _write_steps(first, dataset, steps)
        for axes, (name, near) in zip(panels, found.items(), strict=True):
            _draw_map(axes, tables[name])
            axes.set_title(name)
            axes.set_xlabel(f"to clicked {near.to_clicked.mean():.2f}\nto not clicked {near.to_unclicked.mean():.2f}")
        handles, names = panels[-1].get_legend_handles_labels()
        figure.legend(handles[::-1], names[::-1], loc="outside lower right", ncols=len(names), handletextpad=0.1)
    numbers = pd.concat([*(t.assign(encoder=name) for name, t in tables.items()), _over_queries(found)])
    numbers = numbers[["encoder", *numbers.columns.drop("encoder")]]
    title = "Figure 6. A session and its vector among the items shown"
    return Drawing("figure6", title, figure, numbers, _caption(case, steps, dataset, found, baseline))


def embed_in_plane(vectors: NDArray[np.floating[Any]], seed: int) -> NDArray[np.float64]:
    """(n, 2) t-SNE map of ``vectors`` (n, d) (van der Maaten & Hinton, JMLR 2008), exact and seeded."""
    from sklearn.manifold import TSNE

    perplexity = min(30.0, max((len(vectors) - 1) / 3, 1.0))
    tsne = TSNE(2, perplexity=perplexity, init="pca", method="exact", random_state=seed)
    plane: NDArray[np.float64] = tsne.fit_transform(np.asarray(vectors, dtype=np.float64))
    return plane


def _points(near: Nearness, seed: int) -> pd.DataFrame:
    """Every point of a map: kind, x, y, and an item's distance to the session."""
    groups = {
        "session": near.session[None],
        "clicked": near.clicked,
        "not clicked": near.unclicked,
        "other session": near.background,
    }
    plane = embed_in_plane(np.concatenate(list(groups.values())), seed)
    kinds = np.repeat(list(groups), [len(vectors) for vectors in groups.values()])
    empty = np.full(len(near.background), np.nan)
    distance = np.concatenate([[0.0], near.to_clicked, near.to_unclicked, empty])
    return pd.DataFrame({"point": kinds, "x": plane[:, 0], "y": plane[:, 1], "distance": distance})


def _draw_map(axes: Axes, points: pd.DataFrame) -> None:
    for kind, look in _KINDS.items():
        mine = points[points["point"] == kind]
        axes.scatter(mine["x"], mine["y"], label=kind, **look)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_box_aspect(1)
    axes.set_anchor("N")  # titles in line
    axes.margins(0.06)
    axes.spines[["top", "right"]].set_visible(True)
    axes.spines[:].set_color(PALE)


def _write_steps(axes: Axes, dataset: str, steps: Sequence[str]) -> None:
    axes.axis("off")
    axes.set_title(dataset)
    lines = [line for step in steps[-4:] for line in textwrap.wrap(step, 40, subsequent_indent="   ")]
    if len(steps) > 4:
        lines.insert(0, f"({len(steps) - 4} earlier steps)")
    shown = lines if len(lines) <= 18 else [*lines[:17], "…"]
    axes.text(0, 1, "\n".join(shown), transform=axes.transAxes, va="top", fontsize=5.5, linespacing=1.35)


def _over_queries(found: Mapping[str, Nearness]) -> pd.DataFrame:
    rows = [
        {
            "encoder": name,
            "point": f"mean of {near.queries} test queries: distance to unclicked minus to clicked",
            "distance": near.gap.delta,
            "low": near.gap.low,
            "high": near.gap.high,
            "share_clicked_nearer": near.nearer,
        }
        for name, near in found.items()
    ]
    return pd.DataFrame(rows)


def _caption(
    case: Case, steps: Sequence[str], dataset: str, found: Mapping[str, Nearness], baseline: str
) -> tuple[str, ...]:
    one = ", ".join(
        f"{name} {near.to_clicked.mean():.2f} to clicked and {near.to_unclicked.mean():.2f} to not clicked items"
        for name, near in found.items()
    )
    over = ", ".join(
        f"{name} {written_interval(near.gap.delta, near.gap.low, near.gap.high)}, clicked nearer in {near.nearer:.0%}"
        for name, near in found.items()
    )
    queries = next(iter(found.values())).queries
    return (
        f"A session of {dataset}, chosen by a rule that knows no encoder: {case.rule}. It showed {len(case.clicked)} "
        f"clicked and {len(case.unclicked)} other items; all are drawn. Steps: {' / '.join(steps)}.",
        "An item has no vector of its own in a session's space: it enters as a session of one product step, title and "
        "image, through the same encoder. Vectors are standardised over test sessions; a distance of 1 is the mean "
        f"between two of them. Mean distances of this session: {one}.",
        f"An encoder that is not pretrained was trained along with {baseline}.",
        f"One session proves nothing. Over {queries} test queries, distance to unclicked minus to clicked items, 95 % "
        f"interval over users for these trained models: {over}.",
        "t-SNE keeps neighbours, not distances, and each map stands for itself.",
    )
