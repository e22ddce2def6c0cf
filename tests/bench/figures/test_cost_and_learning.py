"""What an encoder costs and how its model learns: points are at their seconds, a line ends where the first seed
stopped, and series are told apart without colour."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from bench.figures.cost import draw_cost
from bench.figures.learning import draw_learning, summarise_learning
from bench.figures.style import COLOURS, MARKERS, series

POINTS = pd.DataFrame(
    {
        "dataset": "beauty",
        "baseline": "transearch",
        "encoder": ["vanilla", "lstm", "ours"],
        "metric": "ndcg@10",
        "seconds": [10.0, 25.0, 90.0],
        "delta": [0.0, 0.05, 0.02],
        "low": [np.nan, 0.04, np.nan],
        "high": [np.nan, 0.06, np.nan],
    }
)


def test_points_stand_at_their_seconds_with_an_interval_where_there_is_one() -> None:
    figure = draw_cost(POINTS, {"ours": "Ours", "beauty": "Beauty (simulated)"}).figure
    (axes,) = figure.axes
    drawn = {str(line.get_label()): line for line in axes.get_lines()}
    assert (drawn["lstm"].get_xydata().tolist(), drawn["Ours"].get_xydata().tolist()) == ([[25, 0.05]], [[90, 0.02]])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["lstm", "Ours"], "vanilla is a dashed line"
    whiskers = [line.get_xydata().tolist() for line in axes.get_lines() if len(line.get_xdata()) == 2]
    assert [[25, 0.04], [25, 0.06]] in whiskers
    assert not any(x == 90 for line in whiskers for x, _ in line)
    assert axes.get_title(loc="left") == "Beauty (simulated), transearch"


def test_a_baseline_has_panels_of_its_own_data_alone_and_encoders_printed_alike_are_one_series() -> None:
    """Table 4 is of a corpus that no other table has: most panels were empty, and their titles touched."""
    kinds = [("transearch", "ndcg@10", "lstm"), ("ffn", "ndcg@10", "lstm-t")]
    rows = [
        {"dataset": dataset, "baseline": baseline, "metric": metric, "encoder": encoder, "delta": 0.1, "seconds": 9.0}
        for baseline, metric, encoder in kinds
        for dataset in ("beauty", "clothes", "digital")
    ]
    rows.append(dict(zip(rows[0], ("pooled", "xgboost", "f1", "ours", 0.2, 200.0), strict=True)))
    figure = draw_cost(pd.DataFrame(rows).assign(low=np.nan, high=np.nan), {"lstm": "LSTM", "lstm-t": "LSTM"}).figure
    assert [axes.get_title(loc="left").replace("\n", ", ") for axes in figure.axes] == [
        *(
            f"{dataset}, {baseline}"
            for baseline in ("transearch", "ffn")
            for dataset in ("beauty", "clothes", "digital")
        ),
        "pooled, xgboost",
    ]
    drawn = [line for axes in figure.axes for line in axes.get_lines() if line.get_label() == "LSTM"]
    assert len({(line.get_color(), line.get_marker()) for line in drawn}) == 1, "the legend has it once"
    assert [axes.get_xlabel() for axes in figure.axes].count("seconds of a seed") == 3, "under each column"
    figure.canvas.draw()
    titles = [text for axes in figure.axes for text in axes.findobj(Text)]
    names = [axes.get_title(loc="left") for axes in figure.axes]
    boxes = [text.get_window_extent() for text in titles if isinstance(text, Text) and text.get_text() in names]
    assert len(boxes) == 7
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


def test_a_mean_ends_where_the_first_seed_stopped() -> None:
    stopped = {"dataset": "d", "baseline": "b", "encoder": "e"}
    curves = pd.DataFrame(
        [{**stopped, "seed": 0, "epoch": epoch, "valid": 0.1 * epoch} for epoch in (1, 2, 3)]
        + [{**stopped, "seed": 1, "epoch": epoch, "valid": 0.2 * epoch} for epoch in (1, 2)]
    )
    found = summarise_learning(curves)
    assert found["epoch"].tolist() == [1, 2], "the third epoch would be one seed's alone"
    assert found["mean"].tolist() == pytest.approx([0.15, 0.3])
    assert (found["low"].tolist(), found["high"].tolist()) == (pytest.approx([0.1, 0.2]), pytest.approx([0.2, 0.4]))
    assert draw_learning(curves).figure.axes[0].get_lines()[0].get_xdata().tolist() == [1, 2]


def test_series_differ_in_their_pair_and_the_first_seven_in_their_marker_too() -> None:
    pairs = [series(number) for number in range(len(COLOURS) * len(MARKERS))]
    assert len(set(pairs)) == len(pairs)
    assert len({marker for _, marker in pairs[:7]}) == 7, "a print in grey has nothing else"
