"""Files of figures: all five are there, vector formats are vectors, the same drawing gives the same bytes, and nothing
of the user's own settings or of the clock gets in. And without matplotlib: one line that says what to install."""

from __future__ import annotations

import importlib.util
import io
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from bench.errors import BenchError
from bench.figures.drawing import Drawing, write_drawing
from bench.figures.style import COLOURS, new_figure, require_plotting, spread, style

SEEN_BY = {
    "normal": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanope": [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]],
    "deuteranope": [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]],
}
"""Machado, Oliveira & Fernandes, IEEE TVCG 15(6), 2009, severity 1: on linear RGB."""


def drawing() -> Drawing:
    with style():
        figure = new_figure(2, 2)
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], marker="o", label="a line")
        axes.fill_between([0, 1], [0, 0], [1, 2])
        axes.legend()
    return Drawing("one", "A title", figure, pd.DataFrame({"x": [0, 1], "y": [0.123456789, 1.0]}), ("What it shows.",))


def test_five_files_and_nothing_else(tmp_path: Path) -> None:
    written = write_drawing(drawing(), tmp_path / "new", ("Seeds: 0.",))
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == sorted(file.name for file in written)
    assert {file.suffix for file in written} == {".pdf", ".svg", ".png", ".csv", ".md"}
    assert (tmp_path / "new" / "one.pdf").read_bytes().startswith(b"%PDF")
    assert b"<image" not in (tmp_path / "new" / "one.svg").read_bytes()  # no bitmap in it
    caption = (tmp_path / "new" / "one.md").read_text()
    assert caption == "**A title.** What it shows.\n\nSeeds: 0.\n\n![A title](one.svg)\n"
    assert pd.read_csv(tmp_path / "new" / "one.csv")["y"].tolist() == [0.123457, 1.0]


def test_the_same_drawing_gives_the_same_bytes_whatever_the_users_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    first = write_drawing(drawing(), tmp_path / "first")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    with matplotlib.rc_context({"font.size": 20, "axes.grid": True, "svg.hashsalt": None, "axes.facecolor": "red"}):
        second = write_drawing(drawing(), tmp_path / "second")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_the_style_leaves_no_trace() -> None:
    before = dict(matplotlib.rcParams)
    drawing().figure.savefig(io.BytesIO())
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("seen_by", SEEN_BY)
def test_colours_are_told_apart_with_any_colour_vision(seen_by: str) -> None:
    lab = lightness_and_hue(np.array([to_rgb(colour) for colour in COLOURS]), np.array(SEEN_BY[seen_by]))
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=2)
    assert apart[~np.eye(len(COLOURS), dtype=bool)].min() > 10  # 2.3 is just noticeable


def lightness_and_hue(rgb: np.ndarray, vision: np.ndarray) -> np.ndarray:
    """(n, 3) CIELAB of sRGB colours (n, 3) as someone with this colour vision sees them."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ vision.T, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ to_xyz.T / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def test_labels_are_spread_no_more_than_needed() -> None:
    assert spread([0.0, 1.0, 2.0], 0.5) == [0.0, 1.0, 2.0]
    assert spread([1.0, 1.0], 0.5) == pytest.approx([0.75, 1.25])
    assert spread([3.0, 0.0, 0.1], 1.0) == pytest.approx([3.0, -0.45, 0.55])  # order of the input, pairs centred
    moved = spread([0.5, 0.51, 0.52, 0.9, 0.1], 0.2)
    ordered = sorted(moved)
    assert all(b - a >= 0.2 - 1e-9 for a, b in pairwise(ordered))
    assert [moved.index(m) for m in ordered] == [4, 0, 1, 2, 3]
    assert spread([], 1.0) == []


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else real(name))
    with pytest.raises(BenchError, match=r"needs? matplotlib .*pip install 'session-bench\[figures\]'"):
        require_plotting("sklearn")
