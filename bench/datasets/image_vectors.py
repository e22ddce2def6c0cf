"""A file of image vectors, such as ``bench data images`` writes, as the table ``images`` of an event log."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bench.datasets.sql_text import literal
from bench.errors import BenchError

IDS = ("image_id", "id")
"""The names that the column of ids may have."""


def image_vectors(file: str) -> str:
    """The SQL that selects ``image_id`` and ``vector`` of a Parquet file.

    Args:
        file: a path.

    Raises:
        BenchError: there is no such file, it is no Parquet, or it lacks a column.
    """
    path = Path(file)
    fix = "give a Parquet file with the columns image_id and vector, as bench data images writes"
    if not path.is_file():
        raise BenchError("no such file", where=file, fix=fix)
    try:
        names = pq.read_schema(path).names
    except (pa.ArrowException, OSError):
        raise BenchError("not a readable Parquet file", where=file, fix=fix) from None
    key = next((name for name in IDS if name in names), None)
    if key is None or "vector" not in names:
        raise BenchError(f"has columns {', '.join(names)}", where=file, fix=fix)
    return f"SELECT {key} AS image_id, vector FROM read_parquet({literal(file)})"
