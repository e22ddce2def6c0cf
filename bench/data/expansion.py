"""Files that are packed: whole, and not made to fill a disk.

A few kilobytes can say that they unpack to terabytes. Parquet declares how much that is, so it is refused before it is
read; a ``.gz`` declares nothing that could be believed, so it is unpacked once in pieces, which also compares its
checksum: DuckDB reads a damaged one without a word.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import IO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from bench.errors import BenchError

UNREADABLE = (OSError, EOFError, zlib.error)
"""What reading a text may raise, one that is packed and damaged too."""
LONGEST_HEADER = 1 << 20
"""Bytes of the first line of a text that are looked at."""
MOST_BYTES, MOST_TIMES = 1 << 30, 200
"""What more than so many bytes and also so many times the size of the file unpacks to is no log."""
MOST_ROWS, MOST_ROWS_A_BYTE = 10_000_000, 100
"""The same for rows, which a run-length code has for nothing; rows of a log differ, so that each takes some bits."""

_PIECE = 4 << 20


def opened(path: Path) -> IO[bytes]:
    """A text, opened to be read, unpacked where it is a ``.gz``."""
    return cast(IO[bytes], gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb")


def check_packed(path: Path) -> None:
    """Unpacks a ``.gz`` once, and keeps nothing; any other file is not looked at.

    Raises:
        BenchError: it is damaged, or unpacks to more than a log can.
    """
    if path.suffix.lower() != ".gz":
        return
    packed, unpacked = path.stat().st_size, 0
    try:
        with opened(path) as file:
            while piece := file.read(_PIECE):
                unpacked += len(piece)
                if _is_bomb(packed, unpacked):
                    raise _bomb(path, f"over {unpacked:,} bytes", packed)
    except UNREADABLE as error:
        raise BenchError(f"cannot be unpacked: {error}", where=str(path), fix="write it again") from error


def check_parquet(path: Path) -> None:
    """Compares what a Parquet file declares with its size; one whose footer cannot be read is left to its reader.

    Raises:
        BenchError: it declares more than a table of this size can hold.
    """
    try:
        packed, footer = path.stat().st_size, pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        return
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    unpacked = sum(max(0, group.total_byte_size) for group in groups)
    rows = max(footer.num_rows, sum(group.num_rows for group in groups))
    if _is_bomb(packed, unpacked):
        raise _bomb(path, f"{unpacked:,} bytes", packed)
    if rows > MOST_ROWS and rows > MOST_ROWS_A_BYTE * packed:
        raise _bomb(path, f"{rows:,} rows", packed)


def _is_bomb(packed: int, unpacked: int) -> bool:
    return unpacked > MOST_BYTES and unpacked > MOST_TIMES * packed


def _bomb(path: Path, what: str, packed: int) -> BenchError:
    fix = "no log is like that; if this one is, write it again without compression"
    return BenchError(f"its {packed:,} bytes say that they are {what}", where=str(path), fix=fix)
