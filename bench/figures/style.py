"""The common style of figures: fonts, sizes, colours. The colours differ for every kind of colour vision."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError, shortened
from bench.printable import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN, PAGE = 3.4, 7.0
"""Widths in inches: of one column, and of a page of two."""

INK, GREY, PALE = "#222222", "#8a8a8a", "#d9d9d9"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
"""Okabe & Ito, Color Universal Design, 2008; the yellow is left out, which is unreadable on white."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""Markers, by which series differ in prints without colour."""


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
    "text.parse_math": False,  # a dollar in a name is a dollar
    "figure.dpi": 100,
    "savefig.dpi": 300,
    "savefig.facecolor": "white",
    "pdf.fonttype": 42,  # text stays text
    "svg.fonttype": "path",  # looks the same where the font isn't installed
    "svg.hashsalt": "session-bench",  # ids in the file follow from the drawing, not from the clock
}


def require_plotting(*packages: str, where: str = "bench figures") -> None:
    """Checks that matplotlib and other packages are installed.

    Args:
        packages: names of further packages that are imported.
        where: the command or option that needs them, for the error.

    Raises:
        BenchError: names the missing ones, and the command that installs them.
    """
    missing = [name for name in ("matplotlib", *packages) if importlib.util.find_spec(name) is None]
    if missing:
        raise BenchError(
            f"figures need {' and '.join(missing)}",
            where=where,
            fix="pip install 'session-bench[figures]'",
        )


def require_picture(file: Path, where: str) -> None:
    """Checks that the ending of ``file`` is a picture's.

    Raises:
        BenchError: it is none; ``where`` is the option that gave it.
    """
    if file.suffix.lower() not in (".svg", ".pdf", ".png"):
        what = f"{file.name!r} ends neither with .svg nor .pdf nor .png"
        raise BenchError(what, where=where, fix="add one of these endings")


@contextmanager
def style() -> Iterator[None]:
    """A context with this style, whatever the user's own defaults are; for making a figure and for saving it."""
    require_plotting()
    import matplotlib.style

    with matplotlib.style.context(["default", {**_STYLE, "font.family": _fonts()}]):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of a size in inches, with constrained layout; it opens no window and changes no global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def spread(positions: Sequence[float], gap: float) -> list[float]:
    """Positions of labels moved apart, so that neighbours are at least ``gap`` apart and do not overlap.

    Labels that are far enough apart stay. Those that are not become a group, ``gap`` apart and centred at the mean of
    their positions. The order is kept.
    """
    order = sorted(range(len(positions)), key=lambda i: (positions[i], i))
    groups: list[tuple[float, int]] = []  # (centre, members), each a run of labels gap apart
    for i in order:
        centre, members = positions[i], 1
        while groups and centre - gap * (members - 1) / 2 < groups[-1][0] + gap * (groups[-1][1] - 1) / 2 + gap:
            before, count = groups.pop()
            centre = (centre * members + before * count) / (members + count)
            members += count
        groups.append((centre, members))
    moved = [centre + gap * (k - (members - 1) / 2) for centre, members in groups for k in range(members)]
    return [position for _, position in sorted(zip(order, moved, strict=True))]


def series(number: int) -> tuple[str, str]:
    """Colour and marker of a series among up to 49: the first seven differ in both, so that a print in grey tells them
    apart; later ones differ in their pair.
    """
    return COLOURS[number % len(COLOURS)], MARKERS[(number + number // len(COLOURS)) % len(MARKERS)]


def light_grid(axes: Axes, direction: str) -> None:
    """Draws pale grid lines behind the data, of the ``x`` axis, the ``y`` axis or ``both``."""
    axes.set_axisbelow(True)
    axes.grid(axis=direction, color=PALE, linewidth=0.5)  # type: ignore[arg-type]


def printed(name: str, names: Mapping[str, str] | None = None) -> str:
    """A name, or its label, as pictures have room for it: on one line, with its middle left out where it is long.

    matplotlib leaves labels that begin with an underscore out of legends; theirs begins with a blank.
    """
    text = shortened(one_line((names or {}).get(name, name)), _LONGEST_NAME)
    return f" {text}" if text.startswith("_") else text


_LONGEST_NAME = 34  # letters


@cache
def _fonts() -> list[str]:
    """Matplotlib's own font, and the installed ones with Chinese, since released corpora have Chinese words."""
    from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(name for name in _CJK if name in installed)]
