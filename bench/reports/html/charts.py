"""Charts by Vega-Lite, drawn to SVG when the report is written: nothing has to run in the browser, and they print.

Colours are written as those of :mod:`bench.figures.style`; the style sheet of the page gives each its counterpart on a
dark ground. Every chart has a sentence for those who cannot see it, and its numbers stand in a table of the report.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from bench.figures.style import COLOURS, GREY, INK, PALE
from bench.printable import visible
from bench.reports.html.findings import Finding
from bench.stats.outcome import Outcome
from bench.stats.rounding import written_interval

Spec = dict[str, Any]
Rows = list[dict[str, Any]]

_CONFIG: Spec = {
    "aria": False,  # the figure as a whole has a description
    "background": None,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK, "titleColor": INK, "domainColor": GREY, "tickColor": GREY, "gridColor": PALE,
        "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "labelLimit": 320,
        "labelSeparation": 8,
    },
    "legend": {"labelColor": INK, "titleColor": INK, "labelFontSize": 12, "titleFontSize": 12, "labelLimit": 320},
    "header": {"labelColor": INK, "labelFontSize": 12, "labelFontWeight": "bold", "titleColor": INK},
    "range": {"category": list(COLOURS[:6])},
}  # fmt: skip

_ROOM = {"zero": False, "padding": 10}
"""A scale on which no mark lies on the axis of labels."""

_ROLES = re.compile(r' (?:role|aria-roledescription|aria-hidden)="[^"]*"')
"""What Vega says of single marks: the chart is one image, and has a description of its own."""


@dataclass(frozen=True)
class Chart:
    """A drawn chart: its title, what it shows in words, and the SVG."""

    title: str
    words: str
    svg: Markup


def forest(title: str, outcomes: Sequence[Outcome], names: Mapping[str, str]) -> Chart | None:
    """Differences with their intervals, a line each, datasets side by side; None without a result."""
    rows: Rows = []
    for outcome in outcomes:
        h, d = outcome.hypothesis, outcome.difference
        if d is None or not math.isfinite(d.low):
            continue
        line = f"{_name(names, h.baseline)}: {_name(names, h.encoder)} − {_name(names, h.reference)}"
        low, high, dataset = float(d.low), float(d.high), _name(names, h.dataset)
        rows.append({"line": line, "dataset": dataset, "delta": float(d.delta), "low": low, "high": high})
    if not rows:
        return None
    metric = _name(names, outcomes[0].hypothesis.metric)
    order = list(dict.fromkeys(row["line"] for row in rows))
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    y = {"field": "line", "type": "nominal", "sort": order, "title": None, "axis": {"grid": True, "ticks": False}}
    x = {
        "field": "delta",
        "type": "quantitative",
        "title": f"Δ {metric}",
        "axis": {"tickCount": 4, "labelOverlap": True},
    }
    layers = [
        {"mark": {"type": "rule", "color": GREY, "strokeDash": [3, 3]}, "encoding": {"x": {"datum": 0}}},
        {
            "mark": {"type": "rule", "strokeWidth": 2.5, "color": COLOURS[0]},
            "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1, "color": COLOURS[0]},
            "encoding": {"y": y, "x": x},
        },
    ]
    spec: Spec = {
        "data": {"values": rows},
        "facet": {"column": {"field": "dataset", "type": "nominal", "sort": datasets, "title": None}},
        "spec": {"width": 520 // len(datasets) if len(datasets) > 1 else 420, "height": {"step": 22}, "layer": layers},
        "spacing": 18,
    }
    sentences = [
        f"{r['line']} on {r['dataset']}: {written_interval(r['delta'], r['low'], r['high'])}." for r in rows[:60]
    ]
    return Chart(title, visible(" ".join(sentences)), draw(spec, order))


def ladder(title: str, findings: Sequence[Finding]) -> Chart | None:
    """Where a baseline stands without and with the encoder, between chance and the ceiling; None without a result."""
    kinds = {
        "chance": "chance", "shown-order": "order shown", "reference": "without", "encoder": "with the encoder",
        "best-prefix": "ceiling: best reader of the session",
    }  # fmt: skip
    rows: Rows = []
    for finding in findings:
        line = f"{finding.dataset} · {finding.baseline}"
        rows += [{"line": line, "kind": kinds[name], "value": value} for name, value in finding.levels.items()]
    if not rows:
        return None
    order = list(dict.fromkeys(row["line"] for row in rows))
    shown = [kind for kind in kinds.values() if any(row["kind"] == kind for row in rows)]
    looks = {
        "chance": (GREY, "cross"), "order shown": (GREY, "triangle-up"), "without": (COLOURS[1], "square"),
        "with the encoder": (COLOURS[0], "circle"), "ceiling: best reader of the session": (COLOURS[2], "diamond"),
    }  # fmt: skip
    y = {"field": "line", "type": "nominal", "sort": order, "title": None, "axis": {"grid": True, "ticks": False}}
    x = {"field": "value", "type": "quantitative", "title": findings[0].metric, "scale": _ROOM}
    kind = {
        "field": "kind",
        "type": "nominal",
        "sort": shown,
        "title": None,
        "legend": {"orient": "top", "columns": 3, "columnPadding": 40},
    }
    colour = {**kind, "scale": {"domain": shown, "range": [looks[name][0] for name in shown]}}
    shape = {**kind, "scale": {"domain": shown, "range": [looks[name][1] for name in shown]}}
    pairs = [row for row in rows if row["kind"] in ("without", "with the encoder")]
    spec: Spec = {
        "width": 460,
        "height": {"step": 24},
        "layer": [
            {
                "data": {"values": pairs},
                "mark": {"type": "line", "strokeWidth": 3, "color": PALE},
                "encoding": {"y": y, "x": x, "detail": {"field": "line"}},
            },
            {
                "data": {"values": rows},
                "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1},
                "encoding": {"y": y, "x": x, "color": colour, "shape": shape},
            },
        ],
    }
    words = " ".join(f"{row['line']}, {row['kind']}: {row['value']:.3f}." for row in rows[:80])
    return Chart(title, visible(words), draw(spec, order))


def bars(title: str, rows: Rows, metric: str) -> Chart | None:
    """Means of a part's systems, a group per dataset; rows have ``dataset``, ``encoder``, ``mean`` and ``error``."""
    known = [
        {**row, "low": row["mean"] - (row["error"] or 0), "high": row["mean"] + (row["error"] or 0)}
        for row in rows
        if row["mean"] is not None
    ]
    if not known:
        return None
    encoders = list(dict.fromkeys(row["encoder"] for row in known))
    ticks = {"tickCount": 4, "labelOverlap": True}
    x = {"field": "mean", "type": "quantitative", "title": metric, "scale": _ROOM, "axis": ticks}
    y = {"field": "encoder", "type": "nominal", "sort": encoders, "title": None, "axis": {"grid": True, "ticks": False}}
    colour = {"field": "encoder", "type": "nominal", "sort": encoders, "legend": None}
    spec: Spec = {
        "data": {"values": known},
        "facet": {"column": {"field": "dataset", "type": "nominal", "title": None, "sort": None}},
        "spec": {
            "width": 170,
            "height": {"step": 22},
            "layer": [
                {
                    "mark": {"type": "rule", "strokeWidth": 2},
                    "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}, "color": colour},
                },
                {
                    "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1},
                    "encoding": {"y": y, "x": x, "color": colour},
                },
            ],
        },
    }
    words = " ".join(f"{row['encoder']} on {row['dataset']}: {row['mean']:.3f}." for row in known)
    return Chart(title, visible(words), draw(spec, encoders))


def curves(title: str, frame: pd.DataFrame, x: str, y: str, titles: tuple[str, str]) -> Chart | None:
    """Lines of ``y`` over ``x``, the mean over seeds: a colour per ``encoder``, a panel per ``panel``."""
    frame = frame[np.isfinite(frame[y].to_numpy(np.float64))] if len(frame) else frame
    if not len(frame):
        return None
    mean = frame.groupby(["panel", "encoder", x], sort=False, observed=True)[y].mean().reset_index()
    rows = [
        {"panel": str(p), "encoder": str(e), "x": float(at), "y": round(float(value), 5)}
        for p, e, at, value in mean[["panel", "encoder", x, y]].itertuples(index=False)
    ]
    colour = {
        "field": "encoder", "type": "nominal", "sort": None, "title": None,
        "legend": {"orient": "top", "columns": 4, "columnPadding": 40, "symbolType": "stroke"},
    }  # fmt: skip
    panels = len({row["panel"] for row in rows})
    one = len({row["y"] for row in rows}) == 1  # an axis that begins near it would have a single tick, rounded to 0
    spec: Spec = {
        "data": {"values": rows},
        "facet": {"field": "panel", "type": "nominal", "title": None, "sort": None},
        "columns": min(panels, 3),
        "resolve": {"scale": {"y": "independent"}, "axis": {"x": "independent"}},
        "spec": {
            "width": 190,
            "height": 130,
            "mark": {"type": "line", "strokeWidth": 2, "point": {"size": 22}},
            "encoding": {
                "x": {"field": "x", "type": "quantitative", "title": titles[0], "axis": {"tickCount": 4}},
                "y": {
                    "field": "y", "type": "quantitative", "title": titles[1],
                    "scale": {"zero": one}, "axis": {"tickCount": 4},
                },
                "color": colour,
                "strokeDash": {**colour},
            },
        },
    }  # fmt: skip
    ends = {(row["panel"], row["encoder"]): row["y"] for row in rows}
    words = " ".join(f"{panel}, {encoder}: ends at {value:.3f}." for (panel, encoder), value in ends.items())
    return Chart(title, visible(words), draw(spec))


def draw(spec: Spec, labels: Sequence[str] = ()) -> Markup:
    """The SVG of a Vega-Lite specification, with texts escaped by the library.

    Args:
        spec: the specification.
        labels: of the lines, on the left. The reader's font may be wider than the one that Vega lays out with, and what
            then stands over is given room.
    """
    import vl_convert

    shown, room = _visible_spec(spec), 1.6 * max(map(len, labels), default=0)
    svg = vl_convert.vegalite_to_svg(
        {**shown, "padding": {"left": 5 + room, "right": 15, "top": 5, "bottom": 5}, "config": _CONFIG}
    )
    svg = _ROLES.sub("", svg)
    return Markup(svg)  # written by vl-convert, which escapes what it is given


def _visible_spec(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {key: _visible_spec(inner) for key, inner in value.items()}
    return [_visible_spec(inner) for inner in value] if isinstance(value, list) else value


def _name(names: Mapping[str, str], name: str) -> str:
    return names.get(name, name)
