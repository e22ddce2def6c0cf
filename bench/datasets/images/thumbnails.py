"""Small pictures for people: of image files when a corpus is made, and of a corpus's pictures when they are shown."""

from __future__ import annotations

import io
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.pictures import MOST_BYTES
from bench.datasets.images.pictures import Unreadable, picture_of, pillow

SIDE = 96
"""Pixels of the longer side of a small picture."""
_QUALITY = 78
_READERS = 4
_MOST_SIDE = 512
"""A corpus may be somebody else's: what is larger was not made here, and is not decoded."""


@dataclass
class Thumbnails:
    """The small pictures of image files, and what became of files that are none.

    Attributes:
        made: how many there are.
        left_out: files without one, by reason.
        examples: the first id of each reason, with what the decoder said.
    """

    made: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def of(self, files: Mapping[str, Path], ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """The ids that have a small picture, in their order, with its JPEG.

        Args:
            files: by image id.
            ids: of images; those without a file are counted too.
        """
        with ThreadPoolExecutor(_READERS) as readers:
            chosen = [files.get(name) for name in ids]
            for name, jpeg in zip(ids, readers.map(_thumbnail_of, chosen), strict=True):
                if isinstance(jpeg, Unreadable):
                    self.left_out[jpeg.reason] += 1
                    self.examples.setdefault(jpeg.reason, f"{name!r} ({jpeg.detail})" if jpeg.detail else repr(name))
                    continue
                self.made += 1
                yield name, jpeg

    def lines(self) -> list[str]:
        """What there is to say of them, for people."""
        left = [
            f"{reason} ({count:,}), such as {self.examples[reason]}" for reason, count in sorted(self.left_out.items())
        ]
        images = self.made + self.left_out.total()
        return [f"{self.made:,} of {images:,} images have a picture" + "".join(f"; {one}" for one in left)]


def _thumbnail_of(file: Path | None) -> bytes | Unreadable:
    if file is None:
        return Unreadable("without a file")
    picture = picture_of(file)
    return picture if isinstance(picture, Unreadable) else _jpeg(picture)


def _jpeg(picture: Any) -> bytes:
    """A picture of mode RGB, made small, as JPEG without any metadata."""
    picture.thumbnail((SIDE, SIDE))
    picture.info.clear()  # Pillow would write a comment along, which may say where or by whom a photo was taken
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=_QUALITY, optimize=True)
    return written.getvalue()


def shown_picture(jpeg: bytes) -> tuple[bytes, int, int] | None:
    """A corpus's picture decoded and written anew, with its width and height; None where it is no small JPEG.

    What is shown is so never more than pixels, whatever somebody put into the corpus.
    """
    picture = _decoded(jpeg)
    if picture is None:
        return None
    written = _jpeg(picture)
    return written, picture.width, picture.height


def decoded_picture(jpeg: bytes) -> NDArray[np.uint8] | None:
    """A corpus's picture as (height, width, 3) bytes; None where it is no small JPEG."""
    picture = _decoded(jpeg)
    return None if picture is None else np.asarray(picture, dtype=np.uint8)


def _decoded(jpeg: bytes) -> Any:
    """A small JPEG as a ``PIL.Image`` of mode RGB, or None."""
    image_module, _ = pillow()
    if len(jpeg) > MOST_BYTES:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata
            with image_module.open(io.BytesIO(jpeg), formats=("JPEG",)) as opened:
                return opened.convert("RGB") if max(opened.size) <= _MOST_SIDE else None
    except Exception:  # a decoder raises nearly anything at a broken file, and one picture stops no report
        return None
