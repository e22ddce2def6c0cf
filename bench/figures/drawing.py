"""A drawn figure and its files: the picture in three formats, the numbers that it shows, and the caption."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bench.figures.style import style
from bench.files import written_whole
from bench.printable import markdown_text, spreadsheet_field, visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WITHOUT_DATES = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}


@dataclass(frozen=True)
class Drawing:
    """A figure that is ready to be written.

    Attributes:
        id: its name in file names and for ``--only``, such as ``figure4``.
        title: one line, without a full stop.
        figure: the picture.
        numbers: the numbers that it shows, in long form: one row per mark.
        caption: the caption's sentences: what is drawn, how to read it, what must be known about the data.
    """

    id: str
    title: str
    figure: Figure
    numbers: pd.DataFrame
    caption: tuple[str, ...] = field(default=())


def write_drawing(drawing: Drawing, folder: Path, provenance: tuple[str, ...] = ()) -> list[Path]:
    """Writes ``ID.pdf``, ``ID.svg``, ``ID.png``, ``ID.csv`` and ``ID.md`` to ``folder``.

    Each file is written under another name and renamed. The same drawing gives the same bytes: files hold no dates and
    no random ids.

    Args:
        drawing: the drawing.
        folder: made where it is missing.
        provenance: lines at the end of the caption (:func:`bench.figures.captions.provenance_lines`).

    Returns:
        the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [write_picture(drawing.figure, folder / f"{drawing.id}.{kind}") for kind in _WITHOUT_DATES]
    title = markdown_text(drawing.title)
    lines = [f"**{title}.** {markdown_text(' '.join(drawing.caption))}".strip(), *map(markdown_text, provenance)]
    texts = {
        "csv": drawing.numbers.map(spreadsheet_field).to_csv(index=False, float_format="%.6g"),
        "md": "\n\n".join([*lines, f"![{title}]({drawing.id}.svg)"]) + "\n",
    }
    for kind, text in texts.items():
        written.append(folder / f"{drawing.id}.{kind}")
        with written_whole(written[-1]) as writing:
            writing.write_text(text, encoding="utf-8")
    return written


def write_picture(figure: Figure, file: Path) -> Path:
    """Writes a figure as PDF, SVG or PNG, as the ending of ``file`` says, under another name that is then replaced."""
    from matplotlib.text import Text

    kind = file.suffix.removeprefix(".").lower()
    for text in figure.findobj(Text):  # a word of a session, too, may hold what no font has and SVG forbids
        text.set_text(visible(text.get_text()).replace("\t", " "))
    with written_whole(file) as writing, style():
        figure.savefig(writing, format=kind, metadata=_WITHOUT_DATES.get(kind))
    return file
