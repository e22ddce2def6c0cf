"""How every figure looks: fonts, sizes, colours. Colours are Okabe and Ito's, told apart with any colour vision."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN, PAGE = 3.4, 7.0
"""Widths in inches: of a column, and of both."""

INK, GREY, PALE = "#222222", "#8a8a8a", "#d9d9d9"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
"""Okabe & Ito, Color Universal Design, 2008; the yellow is left out, which is unreadable on white."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""A second way to tell series apart, for prints without colour."""

_CJK = ("Noto Sans CJK SC", "Noto Sans SC", "WenQuanYi Micro Hei", "SimHei")
_STYLE: dict[str, Any] = {
    "font.size": 7.0,
    "axes.titlesize": 7.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelsize": 7.0,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.2,
    "legend.frameon": False,
    "legend.fontsize": 6.5,
    "text.color": INK,
    "figure.dpi": 100,
    "savefig.dpi": 300,
    "savefig.facecolor": "white",
    "pdf.fonttype": 42,  # text stays text
    "svg.fonttype": "path",  # looks the same where the font isn't installed
    "svg.hashsalt": "session-bench",  # ids in the file follow from the drawing, not from the clock
}


def require_plotting(*packages: str, where: str = "bench figures") -> None:
    """Raises a BenchError with the command that installs them where matplotlib or other ``packages`` are missing."""
    missing = [name for name in ("matplotlib", *packages) if importlib.util.find_spec(name) is None]
    if missing:
        raise BenchError(
            f"figures need {' and '.join(missing)}",
            where=where,
            fix="pip install 'session-bench[figures]'",
        )


def require_picture(file: Path, where: str) -> None:
    """Raises a BenchError unless the ending of ``file`` is one of a picture's."""
    if file.suffix.lower() not in (".svg", ".pdf", ".png"):
        raise BenchError(f"{file.name!r} ends neither with .svg nor .pdf nor .png", where=where)


@contextmanager
def style() -> Iterator[None]:
    """The style, whatever the user's own defaults are; for making a figure and for saving it."""
    require_plotting()
    import matplotlib.style

    with matplotlib.style.context(["default", {**_STYLE, "font.family": _fonts()}]):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches, laid out by constraints; no window, no global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def spread(places: Sequence[float], gap: float) -> list[float]:
    """The same places, moved apart as little as makes each at least ``gap`` from the next: for labels that would
    overlap. Order is kept; groups stay centred where they were."""
    order = sorted(range(len(places)), key=lambda i: (places[i], i))
    groups: list[tuple[float, int]] = []  # (centre, members), each a run of labels gap apart
    for i in order:
        centre, members = places[i], 1
        while groups and centre - gap * (members - 1) / 2 < groups[-1][0] + gap * (groups[-1][1] - 1) / 2 + gap:
            other, count = groups.pop()
            centre = (centre * members + other * count) / (members + count)
            members += count
        groups.append((centre, members))
    moved = [centre + gap * (k - (members - 1) / 2) for centre, members in groups for k in range(members)]
    return [place for _, place in sorted(zip(order, moved, strict=True))]


def light_grid(axes: Axes, direction: str) -> None:
    """Pale lines behind the data, across ``x``, ``y`` or ``both`` axes."""
    axes.set_axisbelow(True)
    axes.grid(axis=direction, color=PALE, linewidth=0.5)  # type: ignore[arg-type]


@cache
def _fonts() -> list[str]:
    """Matplotlib's own font, and one with Chinese where there is any, since released corpora have Chinese words."""
    from matplotlib import font_manager

    there = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(name for name in _CJK if name in there)]
