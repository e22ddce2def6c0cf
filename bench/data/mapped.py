"""Arrays that lie in a file without a name: what has to be kept for the length of a piece of work, out of memory."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_PIECE = 65_536  # rows


def pieces(rows: int) -> Iterator[slice]:
    """The parts of an array of so many rows that are looked at together, where it may lie on disk."""
    return (slice(start, min(start + _PIECE, rows)) for start in range(0, rows, _PIECE))


def mapped_array(folder: Path, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """An array of zeros whose pages the system writes to disk where memory is short.

    The file has no name and goes with the array, or with the process, however that ends. Its place on disk is taken
    now: a page that finds the disk full later would kill the process.

    Args:
        folder: says which disk; that of temporary files where nothing may be written there.
        shape: of the array.
        dtype: of its entries.

    Raises:
        OSError: the disk has no room for it.
    """
    kind = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    if not size:
        return np.zeros(shape, kind)
    with _nameless(folder) as file:
        _take_room(file.fileno(), size)
        return np.asarray(np.memmap(file, kind, mode="r+", shape=shape))


def _nameless(folder: Path) -> IO[bytes]:
    """A file without a name in a folder, or where temporary files lie if the folder is somebody else's."""
    try:
        return tempfile.TemporaryFile(dir=folder)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        return tempfile.TemporaryFile()


def _take_room(file: int, size: int) -> None:
    """Makes a file so long, with all its blocks where the system can promise them."""
    try:
        os.posix_fallocate(file, 0, size)
    except AttributeError:  # macOS
        os.truncate(file, size)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # a file system that promises nothing
            raise
        os.truncate(file, size)
