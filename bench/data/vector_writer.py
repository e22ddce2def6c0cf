"""Vectors beside ids into a Parquet file, row group by row group as they come."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

VECTOR = "vector"
_ROW_GROUP = 8192  # rows


class VectorWriter:
    """Writes a file of vectors, to be used as a context; what it holds in memory is what it is given.

    Args:
        file: to write, overwritten.
        about: what is to be known of the vectors, for the file's metadata.
        half: store numbers as float16, in half the space: three digits, and at most 65,504.
    """

    def __init__(self, file: Path, about: Mapping[str, str], half: bool = False) -> None:
        self._file, self._about, self._half = file, dict(about), half
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> VectorWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._writer is not None:
            self._writer.close()

    def append(self, ids: Mapping[str, pa.Array | pa.ChunkedArray], vectors: NDArray[np.floating]) -> None:
        """Writes vectors (n, width) beside columns of n ids."""
        table = vector_table(ids, vectors, self._about, self._half)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, table.schema, **_LAYOUT)
        self._writer.write_table(table, row_group_size=_ROW_GROUP)


def vector_table(
    ids: Mapping[str, pa.Array | pa.ChunkedArray],
    vectors: NDArray[np.floating],
    about: Mapping[str, str],
    half: bool = False,
) -> pa.Table:
    """Vectors (n, width) beside columns of n ids as a table, with what is to be known ``about`` them."""
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float16 if half else np.float32).reshape(-1))
    columns = {**ids, VECTOR: pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])}
    return pa.table(columns, metadata=dict(about))


def write_vector_table(table: pa.Table, file: Path) -> None:
    """Writes such a table."""
    pq.write_table(table, file, row_group_size=_ROW_GROUP, **_LAYOUT)


# a dictionary of numbers that never repeat is work for nothing; a page knows its checksum, and is refused without it
_LAYOUT = {"use_dictionary": ["split"], "write_page_checksum": True}
