"""Image files as pictures of three colours, upright and without transparency; or why one is none."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import BenchError

ENDINGS = frozenset((".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"))
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""What Pillow may decode: formats of pictures, none that starts another program or reads other files."""
MAX_PIXELS = 90_000_000
"""A larger picture is refused before it is decoded: a small file can stand for gigabytes of pixels."""


@dataclass(frozen=True)
class Unreadable:
    """Why a file is no picture.

    Attributes:
        reason: a kind, to be counted by.
        detail: what the decoder said.
    """

    reason: str
    detail: str = ""


def pillow() -> Any:
    """Pillow's ``Image`` and ``ImageOps``, imported when they are first needed.

    Raises:
        BenchError: it is not installed.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise BenchError("images need Pillow", fix='pip install "session-bench[images]"') from None
    return Image, ImageOps


def picture_of(file: Path) -> Any:
    """The picture in a file (its first frame) as a ``PIL.Image`` of mode RGB, or :class:`Unreadable`.

    It is turned upright as its EXIF data say; transparent parts are white; 16 bits become 8.
    """
    image_module, operations = pillow()
    try:
        if not file.stat().st_size:
            return Unreadable("empty files")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata, and of sizes that are looked at here
            with image_module.open(file, formats=FORMATS) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    return Unreadable("pictures of too many pixels", f"{opened.width} × {opened.height}")
                opened.load()
                return _three_colours(operations.exif_transpose(opened), image_module)
    except image_module.UnidentifiedImageError:
        return Unreadable("files that are no picture")
    except image_module.DecompressionBombError as error:
        return Unreadable("pictures of too many pixels", str(error))
    except Exception as error:  # a decoder raises nearly anything at a broken file, and one file stops no other
        return Unreadable("broken pictures", f"{type(error).__name__}: {error}")


def _three_colours(picture: Any, image_module: Any) -> Any:
    if picture.mode.startswith("I"):
        values = np.asarray(picture).astype(np.int64)
        picture = image_module.fromarray(np.clip(values // 256, 0, 255).astype(np.uint8))
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = image_module.new("RGBA", picture.size, "white")
        picture = image_module.alpha_composite(white, picture)
    return picture.convert("RGB")
