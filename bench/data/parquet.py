"""Parquet files that are read batch by batch, in the memory of a batch and a row group."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq


def streamed(path: Path, **options: Any) -> pq.ParquetFile:
    """A Parquet file to be read in batches; it closes at the end of a ``with`` block.

    Arrow would otherwise read ahead, and keep what it has read until the file is closed: at the end of a table, all of
    its bytes.

    Args:
        path: the file.
        options: of ``pyarrow.parquet.ParquetFile``.
    """
    return pq.ParquetFile(path, pre_buffer=False, **options)
