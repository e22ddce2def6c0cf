"""Vectors of all pictures in a folder, written as a table ``images`` of an event log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.datasets.images.models import ImageModel
from bench.datasets.images.pictures import Ids, Unreadable, find_pictures, picture_of
from bench.errors import BenchError
from bench.files import written_whole
from bench.progress import Progress, silent

Kind = Literal["float16", "int8"]
KINDS: dict[Kind, pa.DataType] = {"float16": pa.float16(), "int8": pa.int8()}
_READERS = 4
"""Threads that decode pictures: a decoder leaves the interpreter alone while it works."""


@dataclass
class ImagesReport:
    """What became of the files of a folder.

    Attributes:
        files: how many were tried.
        vectors: how many have a vector.
        width: numbers in a vector.
        broken: files without one, by reason.
        examples: the first file of each reason, with what the decoder said.
        skipped: files whose endings are no picture's, hidden ones, and links that lead out of the folder.
        notes: how the model was read.
    """

    files: int = 0
    vectors: int = 0
    width: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    skipped: int = 0
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The report for people."""
        lines = [f"{self.vectors:,} vectors of {self.width} numbers, of {self.files:,} files"]
        for reason, count in sorted(self.broken.items()):
            lines.append(f"left out: {reason} ({count:,}), such as {self.examples[reason]}")
        if self.skipped:
            lines.append(
                f"not looked at: {self.skipped:,} files (hidden, links out of the folder, or of other endings)"
            )
        return [*lines, *self.notes]

    def rows(self) -> list[dict[str, str | int]]:
        """The report for a program: ``what`` (read, kept, dropped, skipped or note), ``name`` and ``value``."""
        rows: list[dict[str, str | int]] = [
            {"what": "read", "name": "files", "value": self.files},
            {"what": "kept", "name": "vectors", "value": self.vectors},
            {"what": "skipped", "name": "files of other endings", "value": self.skipped},
        ]
        rows += [{"what": "dropped", "name": why, "value": count} for why, count in sorted(self.broken.items())]
        return rows + [{"what": "note", "name": note, "value": 1} for note in self.notes]


def write_image_vectors(
    folder: Path,
    to: Path,
    model: ImageModel,
    *,
    batch: int = 32,
    kind: Kind = "float16",
    ids: Ids = "path",
    progress: Progress = silent,
) -> ImagesReport:
    """Writes ``image_id`` and ``vector`` of all pictures of a folder as Parquet, in the order of their ids.

    A vector has length 1 as float16. As int8 it is 127 times its numbers over the largest of them, rounded; only its
    direction stays, which an event log reads as 127ths. The file is there whole or not at all.

    Args:
        folder: with the image files.
        to: the Parquet file.
        model: see :func:`bench.datasets.images.models.load_model`.
        batch: pictures that are encoded at a time.
        kind: of the numbers.
        ids: see :func:`bench.datasets.images.pictures.find_pictures`.
        progress: called with ``(files done, files in all)``.

    Raises:
        BenchError: see :func:`bench.datasets.images.pictures.find_pictures`; or no file is a picture.
    """
    files, skipped = find_pictures(folder, ids)
    report = ImagesReport(files=len(files), skipped=skipped, notes=model.notes)
    with written_whole(to) as part, ThreadPoolExecutor(_READERS) as readers:
        writer: Any = None
        try:
            for names, vectors, done in _encoded(files, model, batch, readers, report):
                if len(names):
                    table = _table(names, vectors, kind)
                    writer = writer or pq.ParquetWriter(part, table.schema)
                    writer.write_table(table)
                    report.vectors += len(names)
                    report.width = vectors.shape[1]
                progress(done, len(files))
        finally:
            if writer is not None:
                writer.close()
        if not report.vectors:
            why = ", ".join(f"{reason} ({count:,})" for reason, count in sorted(report.broken.items()))
            raise BenchError(f"no file is a picture: {why}", where=str(folder))
    return report


def _encoded(
    files: dict[str, Path], model: ImageModel, batch: int, readers: ThreadPoolExecutor, report: ImagesReport
) -> Iterator[tuple[list[str], NDArray[np.float32], int]]:
    """Ids and vectors of unit length, batch by batch, and the number of files done; what has none is reported."""
    names = list(files)
    for first in range(0, len(names), batch):
        chosen = names[first : first + batch]
        read = list(readers.map(picture_of, (files[name] for name in chosen)))
        pictures = {}
        for name, picture in zip(chosen, read, strict=True):
            if isinstance(picture, Unreadable):
                _leave_out(report, picture.reason, name, picture.detail)
            else:
                pictures[name] = picture
        kept = list(pictures)
        vectors = model.vectors(list(pictures.values())) if kept else np.empty((0, 0), dtype=np.float32)
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
        usable = np.isfinite(lengths) & (lengths > 0)
        for row in np.flatnonzero(~usable):
            _leave_out(report, "pictures whose vector is zero or not finite", kept[row], "")
        rows = np.flatnonzero(usable)
        unit = (vectors[rows] / lengths[rows, None]).astype(np.float32)
        yield [kept[row] for row in rows], unit, first + len(chosen)


def _leave_out(report: ImagesReport, reason: str, name: str, detail: str) -> None:
    report.broken[reason] += 1
    report.examples.setdefault(reason, f"{name!r} ({detail})" if detail else repr(name))


def _table(names: Sequence[str], vectors: NDArray[np.float32], kind: Kind) -> pa.Table:
    if kind == "int8":
        largest = np.abs(vectors).max(axis=1, keepdims=True)
        values = np.rint(127 * vectors / largest).astype(np.int8)  # (n, d)
    else:
        values = vectors.astype(np.float16)
    flat = pa.array(values.reshape(-1), KINDS[kind])
    offsets = pa.array(np.arange(0, values.size + 1, values.shape[1], dtype=np.int32))
    return pa.table({"image_id": pa.array(names, pa.string()), "vector": pa.ListArray.from_arrays(offsets, flat)})
