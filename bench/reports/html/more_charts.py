"""Charts of a report beside those of its tables: what the data are like, what encoders cost, and one session looked at.

The one session (the paper's Figure 6, and how each system ranked its candidates) is drawn from the numbers that
`bench figures` left in the results folder: a report computes nothing.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from bench.data.characteristics import CLICKS, LENGTHS, LONGEST, TEXTUAL, count_characteristics
from bench.data.corpus import Corpus
from bench.figures.style import COLOURS, GREY, INK, PALE
from bench.plugins.specs import REFERENCE
from bench.printable import visible
from bench.reports.html.charts import Chart, Spec, draw
from bench.stats.rounding import written_interval

_MOST_ROWS = 5_000  # of a file of numbers: no figure of one session has more
_SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-left", "triangle-right"]
_LEGEND = {"orient": "top", "columns": 4, "columnPadding": 40}


def characteristics(corpora: Mapping[str, Corpus], names: Mapping[str, str]) -> Chart | None:
    """Figure 2 of the paper: session lengths and clicks per query, a line per dataset; None without a corpus.

    Args:
        corpora: by dataset.
        names: printed names of datasets.
    """
    frames = [count_characteristics(corpus).assign(name=names[name]) for name, corpus in corpora.items()]
    if not frames:
        return None
    table = pd.concat(frames, ignore_index=True)
    textual = table["sessions"] == TEXTUAL
    table["line"] = table["name"] + np.where(textual, ", no images", "")
    lines = list(dict.fromkeys(table["line"]))
    known = table[["panel", "line", "value", "share"]].itertuples(index=False)
    rows = [
        {"panel": str(panel), "line": str(line), "x": int(value), "y": round(100 * float(share), 3)}
        for panel, line, value, share in known
    ]
    kind = {"field": "line", "type": "nominal", "title": None, "legend": {**_LEGEND, "columns": 2}}
    over = f"datum.value > {LONGEST} ? '>{LONGEST}' : datum.value"
    axis = {"values": list(range(LONGEST + 2)), "labelExpr": over, "grid": False}
    spec: Spec = {
        "data": {"values": rows},
        "facet": {"field": "panel", "type": "nominal", "title": None, "sort": [LENGTHS, CLICKS]},
        "columns": 2,
        "resolve": {"scale": {"y": "independent"}},
        "spec": {
            "width": 270,
            "height": 150,
            "mark": {"type": "line", "strokeWidth": 2, "point": {"size": 45, "filled": True}},
            "encoding": {
                "x": {"field": "x", "type": "quantitative", "title": "queries, or clicked items", "axis": axis},
                "y": {"field": "y", "type": "quantitative", "title": "% of sessions, or of queries"},
                "color": {**kind, "scale": {"domain": lines}},
                "shape": {**kind, "scale": {"domain": lines, "range": _SHAPES}},
                "strokeDash": {**kind, "scale": {"domain": lines}},
            },
        },
    }
    means = table.drop_duplicates(["panel", "line"])
    words = " ".join(
        f"{line}, {panel}: mean {mean:.2f}." for panel, line, mean in means[["panel", "line", "mean"]].values
    )
    return Chart("Session length and clicks per query (the paper's Figure 2)", visible(words), draw(spec))


def cost(points: pd.DataFrame, names: Mapping[str, str]) -> Chart | None:
    """What each encoder buys over the seconds of one seed, a panel per dataset and baseline; None without a result.

    Args:
        points: as :func:`bench.evaluation.costs.costs` gives them.
        names: printed names.
    """
    points = points[points["encoder"] != REFERENCE] if len(points) else points
    if not len(points):
        return None

    def named(name: object) -> str:
        return names.get(str(name), str(name))

    columns = ["dataset", "baseline", "encoder", "metric", "seconds", "delta", "low", "high"]
    rows, sentences = list[dict[str, str | float]](), []
    for dataset, baseline, encoder, metric, *values in points[columns].itertuples(index=False):
        seconds, delta, low, high = (float(value) for value in values)
        panel, known = f"{named(dataset)}, {named(baseline)}: Δ {named(metric)}", bool(np.isfinite([low, high]).all())
        row: dict[str, str | float] = {"panel": panel, "encoder": named(encoder), "seconds": seconds, "delta": delta}
        rows.append(row | ({"low": low, "high": high} if known else {}))
        said = written_interval(delta, low if known else None, high if known else None)
        sentences.append(f"{panel}, {named(encoder)}: {said} for {seconds:.1f} seconds.")
    encoders = list(dict.fromkeys(str(row["encoder"]) for row in rows))
    kind = {"field": "encoder", "type": "nominal", "title": None, "legend": _LEGEND, "scale": {"domain": encoders}}
    looks = {"color": kind, "shape": {**kind, "scale": {"domain": encoders, "range": _SHAPES}}}
    x = {"field": "seconds", "type": "quantitative", "title": "seconds of a seed", "axis": {"tickCount": 4}}
    y = {"field": "delta", "type": "quantitative", "title": None, "axis": {"tickCount": 4}}
    head = {"labelLimit": 230, "labelExpr": "split(datum.label, ': ')"}  # the metric under where it is measured
    spec: Spec = {
        "data": {"values": rows},
        "facet": {"field": "panel", "type": "nominal", "title": None, "sort": None, "header": head},
        "columns": min(3, len({row["panel"] for row in rows})),
        "resolve": {"scale": {"x": "independent", "y": "independent"}, "axis": {"x": "independent"}},
        "spec": {
            "width": 190,
            "height": 130,
            "layer": [
                {"mark": {"type": "rule", "color": GREY, "strokeDash": [3, 3]}, "encoding": {"y": {"datum": 0}}},
                {
                    "transform": [{"filter": "isValid(datum.low)"}],
                    "mark": {"type": "rule", "strokeWidth": 1.5},
                    "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": kind},
                },
                {
                    "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1},
                    "encoding": {"x": x, "y": y, **looks},
                },
            ],
        },
    }
    words = " ".join(sentences[:60])
    return Chart(f"What each encoder buys over {REFERENCE}, and the seconds it takes", visible(words), draw(spec))


def session_map(folder: Path) -> Chart | None:
    """The paper's Figure 6 from ``figure6.csv``: a session's vector among the items that it was shown.

    Args:
        folder: where `bench figures` wrote; None where it did not.
    """
    table, when = _numbers(folder / "figure6.csv", ("encoder", "point", "x", "y", "distance"))
    table = table.dropna(subset=["x", "y"])
    if not len(table):
        return None
    looks = {
        "other session": (PALE, "circle"), "not clicked": (COLOURS[1], "square"), "clicked": (COLOURS[0], "circle"),
        "session": (INK, "cross"),
    }  # fmt: skip
    columns = table[["encoder", "point", "x", "y"]].itertuples(index=False)
    rows = [
        {"encoder": str(encoder), "point": str(point), "x": round(float(x), 2), "y": round(float(y), 2)}
        for encoder, point, x, y in columns
        if point in looks
    ]
    rows.sort(key=lambda row: list(looks).index(str(row["point"])))  # later ones are drawn on top
    shown = [kind for kind in looks if any(row["point"] == kind for row in rows)]
    kind = {"field": "point", "type": "nominal", "title": None, "legend": {**_LEGEND, "symbolOpacity": 1}}
    nowhere = {"type": "quantitative", "axis": None, "scale": {"zero": False}}
    spec: Spec = {
        "data": {"values": rows},
        "facet": {"field": "encoder", "type": "nominal", "title": None, "sort": None},
        "columns": 3,
        "resolve": {"scale": {"x": "independent", "y": "independent"}},
        "spec": {
            "width": 200,
            "height": 200,
            "view": {"stroke": PALE},
            "mark": {"type": "point", "filled": True, "opacity": 1},
            "encoding": {
                "x": {"field": "x", **nowhere},
                "y": {"field": "y", **nowhere},
                "color": {**kind, "scale": {"domain": shown, "range": [looks[name][0] for name in shown]}},
                "shape": {**kind, "scale": {"domain": shown, "range": [looks[name][1] for name in shown]}},
                "size": {
                    "field": "point", "type": "nominal", "legend": None,
                    "scale": {"domain": list(looks), "range": [12, 40, 70, 160]},
                },
            },
        },
    }  # fmt: skip
    of_items = table[table["point"].isin(["clicked", "not clicked"])]
    means = of_items.groupby(["encoder", "point"], sort=False)["distance"].mean().reset_index().itertuples(index=False)
    words = " ".join(f"{encoder}: mean distance to {point} items {mean:.2f}." for encoder, point, mean in means)
    title = f"A session's vector among the items shown (the paper's Figure 6; t-SNE of one session; drawn {when})"
    return Chart(title, visible(words), draw(spec))


def session_ranks(folder: Path) -> Chart | None:
    """One session's candidates in the order shown and in each system's, from ``session.csv``.

    Args:
        folder: where `bench figures` wrote; None where it did not.
    """
    table, when = _numbers(folder / "session.csv", ("system", "item", "shown", "clicked", "rank"))
    if not len(table):
        return None
    systems = list(dict.fromkeys(table["system"].map(str)))
    columns = table[["system", "item", "shown", "clicked", "rank"]].itertuples(index=False)
    rows = [
        {
            "system": str(system),
            "first": str(system) == systems[0],
            "item": textwrap.shorten(str(item), 34, placeholder=" …"),
            "place": int(shown),
            "clicked": str(clicked) == "True",
            "rank": float(rank),
        }
        for system, item, shown, clicked, rank in columns
    ]
    places = int(table["shown"].max())
    across = {"orient": "top", "labelAngle": 0, "labelLimit": 130, "labelPadding": 8, "domain": False, "ticks": False}
    x = {"field": "system", "type": "nominal", "sort": systems, "title": None, "axis": across}
    down = {"orient": "right", "grid": False, "domain": False, "values": [1, *range(5, places + 1, 5)]}
    ranks = {"reverse": True, "domain": [0.4, places + 0.6], "nice": False}
    y = {"field": "rank", "type": "quantitative", "title": "rank", "scale": ranks, "axis": down}
    clicked = {"field": "clicked", "type": "nominal", "legend": None}
    lines = {"condition": {"test": "datum.clicked", "value": 3}, "value": 1}
    spec: Spec = {
        "data": {"values": rows},
        "width": {"step": 140},
        "height": 22 * places,
        "layer": [
            {
                "mark": {"type": "line", "point": {"size": 45, "filled": True}},
                "encoding": {
                    "x": x,
                    "y": y,
                    "detail": {"field": "place"},
                    "color": {**clicked, "scale": {"domain": [False, True], "range": [GREY, COLOURS[0]]}},
                    "strokeWidth": lines,
                },
            },
            {
                "transform": [{"filter": "datum.first"}],
                "mark": {"type": "text", "align": "right", "dx": -10, "color": INK, "limit": 230, "fontSize": 12},
                "encoding": {"x": x, "y": y, "text": {"field": "item"}},
            },
        ],
    }
    best = table[table["clicked"].map(str) == "True"].groupby("system", sort=False)["rank"].min()
    words = "First clicked item: " + ", ".join(f"rank {rank:g} ({system})" for system, rank in best.items()) + "."
    return Chart(
        f"One session and its candidates; what was clicked is bold (drawn {when})",
        visible(words),
        draw(spec, [str(row["item"])[:34] for row in rows]),
    )


def _numbers(file: Path, columns: Sequence[str]) -> tuple[pd.DataFrame, str]:
    """The numbers of a figure and the day it was drawn; an empty table where there is no such file, or another one."""
    try:
        table = pd.read_csv(file, nrows=_MOST_ROWS)
        day = datetime.fromtimestamp(file.stat().st_mtime, UTC).date().isoformat()
        numeric = [name for name in columns if name in ("x", "y", "distance", "shown", "rank")]
        return table.astype(dict.fromkeys(numeric, float))[list(columns)], day
    except (OSError, ValueError, KeyError):
        return pd.DataFrame(columns=list(columns)), ""
