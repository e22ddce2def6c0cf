"""Small pictures of a corpus's images, for people to look at: no model reads them, and no number depends on them.

``pictures.parquet`` has a row per image that has a picture: ``image``, its row of ``image_vectors.npy``, ascending, and
``jpeg``. It is no part of the fingerprint; ``corpus.toml`` has its checksum under ``pictures``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.data.checksums import has_contents
from bench.data.parquet import streamed
from bench.errors import BenchError

if TYPE_CHECKING:
    from bench.data.corpus import Corpus

FILE = "pictures.parquet"
MOST_BYTES = 32_768
"""A larger one is no small picture: those that are written have 96 pixels a side, some 3,000 bytes."""
_ROWS = 64  # of a row group: whoever looks at a few pictures reads little beside them
_SCHEMA = pa.schema([pa.field("image", pa.int32(), nullable=False), pa.field("jpeg", pa.binary(), nullable=False)])


class PictureWriter:
    """Writes ``pictures.parquet`` into a folder, chunk by chunk; whoever owns the folder closes it.

    Args:
        folder: of the corpus that is being written.
    """

    def __init__(self, folder: Path) -> None:
        self._writer = pq.ParquetWriter(folder / FILE, _SCHEMA, compression="none")
        self._last = -1

    def append(self, images: Sequence[int], jpegs: Sequence[bytes]) -> None:
        """Appends the pictures of these images, whose rows ascend from call to call.

        Raises:
            ValueError: they do not ascend, or a picture is larger than :data:`MOST_BYTES`.
        """
        for image, jpeg in zip(images, jpegs, strict=True):
            if image <= self._last or len(jpeg) > MOST_BYTES:
                raise ValueError(f"picture {image} is out of order, or too large")
            self._last = image
        if images:
            self._writer.write_table(pa.table([pa.array(images, pa.int32()), list(jpegs)], schema=_SCHEMA), _ROWS)

    def close(self) -> None:
        """Finishes the file."""
        self._writer.close()


def read_pictures(corpus: Corpus, images: Iterable[int]) -> dict[int, bytes]:
    """The pictures of images, by row; those that have none are left out, and nothing is said of what the bytes are.

    Args:
        corpus: one without pictures gives none.
        images: rows of ``image_vectors.npy``; of others nothing is found.

    Raises:
        BenchError: the file is gone, or not the one that the corpus was made with.
    """
    wanted = sorted({image for image in images if image >= 0})
    if not corpus.info.pictures or not wanted:
        return {}
    path = corpus.folder / FILE
    if not has_contents(path, None, corpus.info.pictures):
        fix = "put the file back, or make the corpus again"
        raise BenchError("gone, or not as it was written", where=str(path), fix=fix)
    found: dict[int, bytes] = {}
    try:
        with streamed(path) as file:
            for group in range(file.metadata.num_row_groups):
                bounds = file.metadata.row_group(group).column(0).statistics
                if bounds is not None and not any(bounds.min <= image <= bounds.max for image in wanted):
                    continue
                table = file.read_row_group(group, columns=["image", "jpeg"])
                table = table.filter(pc.is_in(table["image"], pa.array(wanted, pa.int32())))
                small = table.filter(pc.less_equal(pc.binary_length(table["jpeg"]), MOST_BYTES))
                found |= dict(zip(small["image"].to_pylist(), small["jpeg"].to_pylist(), strict=True))
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise BenchError(
            f"cannot be read: {str(error).splitlines()[0]}", where=str(path), fix="make the corpus again"
        ) from None
    return found
