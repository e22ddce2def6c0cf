"""Image files of a folder, and each as a picture of three colours, upright and opaque; or why it is none."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bench.errors import BenchError

ENDINGS = frozenset((".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"))
Ids = Literal["path", "stem"]
"""What an image id is: the path of its file below the folder, or that without its ending."""
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


def find_pictures(folder: Path, ids: Ids) -> tuple[dict[str, Path], int]:
    """The files to be tried, by image id in its order, and the number of others.

    Args:
        folder: looked through with all folders in it; names that start with a point are skipped, as others are that
            have an ending that is no picture's, and links that lead out of the folder: a folder that somebody sent
            must not show what lies elsewhere. A file without an ending is tried.
        ids: ``path`` is the path below the folder, ``stem`` that without its ending.

    Raises:
        BenchError: there is no such folder, no file to try, or two files have one id.
    """
    if not folder.is_dir():
        raise BenchError("no such folder", where=str(folder), fix="give the folder with the image files")
    found: dict[str, Path] = {}
    skipped, twice = 0, []
    inside = folder.resolve()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        below = file.relative_to(folder)
        hidden = any(part.startswith(".") for part in below.parts)
        other = file.suffix and file.suffix.lower() not in ENDINGS
        if other or hidden or not file.resolve().is_relative_to(inside):
            skipped += 1
            continue
        key = (below if ids == "path" else below.with_suffix("")).as_posix()
        if key in found:
            twice.append(key)
        found[key] = file
    if twice:
        what = f"{len(twice):,} ids are those of two files, such as {twice[0]!r}"
        raise BenchError(what, where=str(folder), fix="--ids path keeps the endings")
    if not found:
        raise BenchError(f"no image file among {skipped:,}", where=str(folder), fix=", ".join(sorted(ENDINGS)))
    return dict(sorted(found.items())), skipped


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
    except image_module.DecompressionBombError:  # it is so many that Pillow refuses to say how many
        return Unreadable("pictures of too many pixels")
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
