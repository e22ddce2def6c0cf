"""The report's charts in a grey print and for colour-blind people: what differs in colour differs in form as well."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_corpora import random_corpus

from bench.reports.html import more_charts

ENCODERS = ["vanilla", "lstm", "meanpool", "muvcog-t", "muvcog-m", "bert"]
POINTS = ["other session", "not clicked", "clicked", "session"]
pytest.importorskip("vl_convert", reason="charts are drawn with the extra report")


def cost(folder: Path) -> str:
    """Δ against seconds, of five encoders and the reference."""
    place = {"dataset": "beauty", "baseline": "transearch", "metric": "ndcg@10"}
    numbers = [{"seconds": 10.0 + n, "delta": 0.01 * n, "low": -0.1, "high": 0.1} for n in range(len(ENCODERS))]
    rows = [{**place, "encoder": name, **row} for name, row in zip(ENCODERS, numbers, strict=True)]
    return svg(more_charts.cost(pd.DataFrame(rows), {}))


def characteristics(folder: Path) -> str:
    """The paper's Figure 2, of two corpora, each with a line for sessions without images."""
    corpora = {name: random_corpus(folder / name, sessions=30, seed=n) for n, name in enumerate(("a", "b"))}
    return svg(more_charts.characteristics(corpora, {"a": "a", "b": "b"}))


def session_map(folder: Path) -> str:
    """The paper's Figure 6."""
    rows = [("ours", point, n + spread, n * spread, 0.5) for n, point in enumerate(POINTS * 3) for spread in (1, 2)]
    pd.DataFrame(rows, columns=["encoder", "point", "x", "y", "distance"]).to_csv(folder / "figure6.csv")
    return svg(more_charts.session_map(folder))


def session_ranks(folder: Path) -> str:
    """One session's candidates, of which the third was clicked."""
    ranks = np.random.default_rng(0).permuted(np.tile(np.arange(1, 7), (3, 1)), axis=1)
    rows = [(f"system {n}", f"item {m}", m + 1, m == 2, ranks[n, m]) for n in range(3) for m in range(6)]
    pd.DataFrame(rows, columns=["system", "item", "shown", "clicked", "rank"]).to_csv(folder / "session.csv")
    return svg(more_charts.session_ranks(folder))


def svg(chart: more_charts.Chart | None) -> str:
    assert chart is not None
    return str(chart.svg)


def forms(drawn: str, group: str, colour: str, form: str) -> dict[str, set[str]]:
    """For each colour of the marks of a kind, the values of the attribute that gives them their form."""
    found: dict[str, set[str]] = {}
    for marks in re.findall(rf'<g class="mark-{group} role-mark.*?</g>', drawn, re.DOTALL):
        for mark in re.findall(r"<path [^>]*>", marks):
            attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', mark))
            found.setdefault(attributes[colour], set()).add(attributes.get(form, ""))
    return found


@pytest.mark.parametrize(("chart", "colours"), [(cost, 5), (characteristics, 4), (session_map, 4)])
def test_every_colour_of_points_has_a_form_of_its_own(chart: object, colours: int, tmp_path: Path) -> None:
    assert callable(chart)
    found = forms(chart(tmp_path), "symbol", "fill", "d")
    assert len(found) == colours
    assert all(len(shapes) == 1 for shapes in found.values()), "one form for all points of a colour"
    assert len(set.union(*found.values())) == colours, "and no other colour has it"


def test_every_line_of_figure_2_has_dashes_of_its_own(tmp_path: Path) -> None:
    found = forms(characteristics(tmp_path), "line", "stroke", "stroke-dasharray")
    assert len(found) == 4
    assert len(set.union(*found.values())) == 4


def test_what_was_clicked_is_the_thicker_line(tmp_path: Path) -> None:
    found = forms(session_ranks(tmp_path), "line", "stroke", "stroke-width")
    assert len(found) == 2
    assert sorted(found.values(), key=max) == [{"1"}, {"3"}]
