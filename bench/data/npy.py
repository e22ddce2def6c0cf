"""``.npy`` files: mapped, never unpickled; and written row by row, so that a matrix never has to fit in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HEADER_BYTES = 128  # the format wants a multiple of 64; the text for two dimensions needs fewer than 118


def mapped(path: Path) -> NDArray[Any]:
    """The array in a file, memory-mapped.

    Raises:
        OSError: the file cannot be opened.
        ValueError: its header cannot be read, says more than there is, or is that of pickled objects.
    """
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        raise
    except Exception as error:  # NumPy parses the header as Python: tokens, nesting and memory have errors of their own
        raise ValueError(f"its header cannot be read ({type(error).__name__})") from None
    return array


class NpyWriter:
    """Appends rows to a ``.npy`` file and fixes the shape in its header on closing.

    Args:
        path: the file, overwritten.
        dtype: type of the entries.
        columns: width of a row; left out for a one-dimensional array.
    """

    def __init__(self, path: Path, dtype: np.dtype | type, columns: int | None = None) -> None:
        self.dtype, self.rows = np.dtype(dtype), 0
        self._row_shape = () if columns is None else (columns,)
        self._file = open(path, "wb")  # noqa: SIM115  closed by close()
        self._file.write(b"\0" * _HEADER_BYTES)

    def append(self, rows: NDArray[Any]) -> None:
        """Appends ``rows``, (n,) or (n, columns), of the file's type."""
        if rows.shape[1:] != self._row_shape or rows.dtype != self.dtype:
            raise ValueError(f"rows {rows.shape} {rows.dtype}; this file takes (n, *{self._row_shape}) {self.dtype}")
        self._file.write(np.ascontiguousarray(rows).data)  # no copy: they may be a whole matrix that lies on disk
        self.rows += len(rows)

    def close(self) -> None:
        """Writes the header; the file is readable by ``numpy.load`` from here on."""
        text = str({"descr": self.dtype.str, "fortran_order": False, "shape": (self.rows, *self._row_shape)})
        prefix = b"\x93NUMPY\x01\x00" + (_HEADER_BYTES - 10).to_bytes(2, "little")
        self._file.seek(0)
        self._file.write(prefix + text.encode().ljust(_HEADER_BYTES - 11) + b"\n")
        self._file.close()
