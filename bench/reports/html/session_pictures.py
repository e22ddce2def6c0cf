"""The pictures of the sessions that a report shows, where their corpus has pictures."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from bench.data.corpus import Corpus
from bench.data.pictures import read_pictures
from bench.datasets.images.thumbnails import shown_picture
from bench.errors import BenchError


class Pictures(TypedDict):
    """Pictures for the script of a report.

    Attributes:
        shown: width, height and JPEG as base64, by the row of the image.
        said: a sentence on those that are left out; empty where none is.
    """

    shown: dict[str, tuple[int, int, str]]
    said: str


def session_pictures(corpus: Corpus, units: Sequence[Mapping[str, Any]], most: int) -> Pictures:
    """Pictures of the images in the steps of units and of what was clicked, the first units' first.

    Args:
        corpus: of the units.
        units: as :func:`bench.reports.html.sessions.unit_words` gives them.
        most: letters that the pictures may take.
    """
    images = dict.fromkeys(
        image
        for unit in units
        for image in (*(step[2] for step in unit["steps"]), *(item[1] for item in unit["clicked"]))
        if image >= 0
    )
    try:
        found = read_pictures(corpus, images)
        written = {image: shown_picture(found[image]) for image in images if image in found}
    except BenchError as error:
        return {"shown": {}, "said": f"Pictures are left out: {error}."}
    shown: dict[str, tuple[int, int, str]] = {}
    room, cut, broken = most, 0, sum(one is None for one in written.values())
    for image, picture in written.items():
        if picture is None:
            continue
        jpeg, width, height = picture
        text = base64.b64encode(jpeg).decode()
        if len(text) > room:
            cut += 1
            continue
        room -= len(text)
        shown[str(image)] = (width, height, text)
    reasons = [f"{cut:,} to keep this file small"] if cut else []
    reasons += [f"{broken:,} that are no small JPEG"] if broken else []
    return {"shown": shown, "said": f"Pictures left out: {', '.join(reasons)}." if reasons else ""}
