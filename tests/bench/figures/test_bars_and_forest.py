"""Bars and the forest plot draw the numbers that they were given: every bar and interval at its value, marks where Holm
says so, and a system without a result says so instead of standing at zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from bench.figures.bars import Bar, draw_bars
from bench.figures.forest import draw_forest
from bench.stats.examples import Pair
from bench.stats.family import Family, Hypothesis
from bench.stats.outcome import Outcome, evaluate

SYSTEMS = [
    Bar("beauty", "alstp", "vanilla", 0.30, 0.28, 0.32, 0.010, None, 5, "done"),
    Bar("beauty", "alstp", "gat", 0.35, 0.33, 0.37, 0.010, 0.01, 5, "done"),
    Bar("beauty", "alstp", "hlv", None, None, None, None, None, 0, "failed"),
    Bar("clothes", "alstp", "vanilla", 0.4026, None, None, None, 0.5, 5, "done"),
]


def outcomes(datasets: list[str], encoders: list[str], gains: list[float]) -> list[Outcome]:
    rng, user = np.random.default_rng(0), np.arange(200)
    family = Family(
        "ctr primary", tuple(Hypothesis("ctr", d, "alstp", e, "vanilla", "ndcg@10") for d in datasets for e in encoders)
    )
    noise = rng.normal(0, 0.05, 200)
    pairs = zip(family.hypotheses, gains * len(datasets), strict=True)
    return evaluate(
        family,
        {
            h: Pair.from_differences(gain + noise + rng.normal(0, 0.01, (5, 200)), user)
            for h, gain in pairs
            if np.isfinite(gain)
        },
        flips=9,
    )


def test_bars_stand_at_their_values_and_begin_at_zero() -> None:
    drawing = draw_bars(SYSTEMS, "figure4", "Figure 4", "ndcg@10", {"gat": "GAT", "beauty": "Beauty (simulated)"})
    first, second = drawing.figure.axes
    bars = [bar for bar in first.patches if isinstance(bar, Rectangle)]
    assert [bar.get_width() for bar in bars] == [0.30, 0.35]
    assert all(bar.get_x() == 0 for bar in bars)
    assert first.get_xlim()[0] == 0
    assert [list(line.get_xdata()) for line in first.get_lines()] == [[0.28, 0.32], [0.33, 0.37]]
    assert [label.get_text() for label in first.get_yticklabels()] == ["vanilla", "GAT", "hlv"]
    assert [text.get_text() for text in first.texts] == ["0.300", "0.350†", "FAILED"]
    assert [text.get_text() for text in second.texts] == ["0.403"]  # no interval: nothing says how many digits
    assert first.get_title(loc="left") == "Beauty (simulated), alstp"
    assert len(drawing.numbers) == len(SYSTEMS)
    assert drawing.numbers["mean"].isna().tolist() == [False, False, True, False]
    assert "1 of 4 systems have no result" in " ".join(drawing.caption)


def test_one_seed_is_said_to_be_one_model() -> None:
    once = [replace(bar, seeds=min(bar.seeds, 1)) for bar in SYSTEMS]
    assert "conditional on one trained model" in " ".join(draw_bars(once, "a", "A", "ndcg@10").caption)
    assert "conditional" not in " ".join(draw_bars(SYSTEMS, "a", "A", "ndcg@10").caption)


def test_the_forest_has_every_interval_and_marks_what_holm_marks() -> None:
    found = outcomes(["beauty"], ["strong", "null", "absent"], [0.05, 0.0, np.nan])
    assert [o.p_adjusted is not None and o.p_adjusted < 0.05 for o in found] == [True, False, False]
    drawing = draw_forest({"Table 2": found}, {"beauty": "Beauty (simulated)"})
    (axes,) = drawing.figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["Beauty (simulated), alstp", "strong", "null", "absent"]
    lines = [line for line in axes.get_lines() if len(line.get_xdata()) == 2 and line.get_ydata()[0] >= 1]
    for line, outcome in zip(lines, found[:2], strict=True):
        assert outcome.difference is not None
        assert list(line.get_xdata()) == [outcome.difference.low, outcome.difference.high]
    points = [line for line in axes.get_lines() if line.get_marker() == "o"]
    assert [point.get_markerfacecolor() == point.get_color() for point in points] == [True, False]
    texts = [text.get_text() for text in axes.texts]
    assert texts[0].endswith("†")
    assert not texts[1].endswith("†")
    assert texts[2] == "MISSING"
    assert drawing.numbers["delta"].notna().tolist() == [True, True, False]
    caption = " ".join(drawing.caption)
    assert "ctr primary: 3 hypotheses" in caption
    assert "1 of 3 have no result" in caption


def test_long_lists_go_into_two_columns_and_lose_no_row() -> None:
    names = [f"e{i}" for i in range(15)]
    groups = {title: outcomes(["beauty"], names, [0.0] * 15) for title in ("Table 2", "Figure 4", "Figure 5")}
    figure = draw_forest(groups).figure
    assert [axes.get_title(loc="left") for axes in figure.axes] == list(groups)
    assert all(len(axes.get_yticks()) == 16 for axes in figure.axes)
    assert len(figure.subfigs) == 2


def test_a_variant_against_its_plain_self_is_named_by_what_differs() -> None:
    hypothesis = Hypothesis("ctr", "beauty", "alstp", "m", "m[negatives=random]", "ndcg@10")
    (outcome,) = evaluate(Family("f", (hypothesis,)), {}, flips=9)
    (axes,) = draw_forest({"Figure 5": [outcome]}, {"m": "M"}).figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()][1] == "M − [negatives=random]"


@pytest.mark.parametrize("gain", [0.05, -0.05])
def test_the_sign_is_that_of_the_difference(gain: float) -> None:
    (axes,) = draw_forest({"Table 2": outcomes(["beauty"], ["one"], [gain])}).figure.axes
    point = next(line for line in axes.get_lines() if line.get_marker() == "o")
    assert np.sign(point.get_xdata()[0]) == np.sign(gain)
    assert axes.texts[0].get_text()[0] == ("+" if gain > 0 else "−")
