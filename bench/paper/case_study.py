"""Figure 6: the steps of one session, and t-SNE maps of its vector and its items' under several encoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.figures.drawing import Drawing
from bench.figures.session_text import Picture, draw_step_pictures, write_steps
from bench.figures.style import COLOURS, INK, PAGE, PALE, new_figure, printed, require_plotting, style
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
"""Markers by kind of point, which differ in shape and in colour; later kinds are drawn on top."""


def draw_case(
    case: Case,
    steps: Sequence[str],
    dataset: str,
    by_encoder: Mapping[str, Nearness],
    baseline: str,
    seed: int = 0,
    pictures: Sequence[Picture | None] = (),
) -> Drawing:
    """The steps as text, then a t-SNE map for each encoder with two mean distances below it.

    t-SNE keeps neighbours and not distances, and maps cannot be compared with each other. The distances are therefore
    measured in the encoder's own space.

    Args:
        case: the session and its items.
        steps: the session's steps as text (:func:`bench.paper.case.describe_steps`).
        dataset: as tables print it.
        by_encoder: vectors and distances, by the encoder's printed name.
        baseline: the baseline that encoders without pretraining were trained with.
        seed: of the maps.
        pictures: of the steps, where the corpus has pictures.
    """
    require_plotting("sklearn")
    points = {name: _points(nearness, seed) for name, nearness in by_encoder.items()}
    with style():
        figure = new_figure(PAGE, 2.35)
        text, *panels = figure.subplots(1, 1 + len(by_encoder), width_ratios=[1.35, *[1] * len(by_encoder)])
        write_steps(text, dataset, steps, latest=4, width=40, lines=18)
        draw_step_pictures(text, pictures, latest=4)
        for axes, (name, near) in zip(panels, by_encoder.items(), strict=True):
            _draw_map(axes, points[name])
            axes.set_title(printed(name))
            axes.set_xlabel(f"to clicked {near.to_clicked.mean():.2f}\nto not clicked {near.to_unclicked.mean():.2f}")
        handles, names = panels[-1].get_legend_handles_labels()
        figure.legend(handles[::-1], names[::-1], loc="outside lower right", ncols=len(names), handletextpad=0.1)
    numbers = pd.concat([*(t.assign(encoder=name) for name, t in points.items()), _over_queries(by_encoder)])
    numbers = numbers[["encoder", *numbers.columns.drop("encoder")]]
    title = "Figure 6. A session and its vector among the items shown"
    return Drawing("figure6", title, figure, numbers, _caption(case, steps, dataset, by_encoder, baseline))


def embed_in_plane(vectors: NDArray[np.floating[Any]], seed: int) -> NDArray[np.float64]:
    """(n, 2) exact, seeded t-SNE map of ``vectors`` (n, d): van der Maaten & Hinton, JMLR 2008."""
    from sklearn.manifold import TSNE

    perplexity = min(30.0, max((len(vectors) - 1) / 3, 1.0))
    tsne = TSNE(2, perplexity=perplexity, init="pca", method="exact", random_state=seed)
    plane: NDArray[np.float64] = tsne.fit_transform(np.asarray(vectors, dtype=np.float64))
    return plane


def _points(near: Nearness, seed: int) -> pd.DataFrame:
    """The points of a map: kind, x, y and, for an item, the distance to the session in the encoder's space."""
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
    """Draws the points of a map in a square without ticks, since its coordinates have no meaning."""
    for kind, marker in _KINDS.items():
        of_kind = points[points["point"] == kind]
        axes.scatter(of_kind["x"], of_kind["y"], label=kind, **marker)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_box_aspect(1)
    axes.set_anchor("N")  # so that the panels' titles are in line
    axes.margins(0.06)
    axes.spines[["top", "right"]].set_visible(True)
    axes.spines[:].set_color(PALE)


def _over_queries(by_encoder: Mapping[str, Nearness]) -> pd.DataFrame:
    """The distances over all test queries, a row per encoder."""
    rows = [
        {
            "encoder": name,
            "point": f"mean of {near.queries} test queries: distance to unclicked minus to clicked",
            "distance": near.gap.delta,
            "low": near.gap.low,
            "high": near.gap.high,
            "share_clicked_nearer": near.nearer,
        }
        for name, near in by_encoder.items()
    ]
    return pd.DataFrame(rows)


def _caption(
    case: Case, steps: Sequence[str], dataset: str, by_encoder: Mapping[str, Nearness], baseline: str
) -> tuple[str, ...]:
    of_session = ", ".join(
        f"{name} {near.to_clicked.mean():.2f} to clicked and {near.to_unclicked.mean():.2f} to not clicked items"
        for name, near in by_encoder.items()
    )
    over_queries = ", ".join(
        f"{name} {written_interval(near.gap.delta, near.gap.low, near.gap.high)}, clicked nearer in {near.nearer:.0%}"
        for name, near in by_encoder.items()
    )
    queries = next(iter(by_encoder.values())).queries
    return (
        f"A session of {dataset}, chosen by a rule that knows no encoder: {case.rule}. It showed {len(case.clicked)} "
        f"clicked and {len(case.unclicked)} other items; all are drawn. Steps: {' / '.join(steps)}.",
        "An item has no vector of its own in a session's space: it enters as a session of one product step, title and "
        "image, through the same encoder. Vectors are standardised over test sessions; a distance of 1 is the mean "
        f"between two of them. Mean distances of this session: {of_session}.",
        f"An encoder that is not pretrained was trained along with {baseline}.",
        f"One session proves nothing. Over {queries} test queries, distance to unclicked minus to clicked items, 95 % "
        f"interval over users for these trained models: {over_queries}.",
        "t-SNE keeps neighbours, not distances, and maps cannot be compared with each other.",
    )
