"""In which row each text of a column stands for the first time, however many there are, in bounded memory.

The column comes piece by piece. What grows with it lies on disk (:mod:`bench.data.mapped`): two keys of each text, and
the first row that has it. Texts with the same keys stand in the same bucket, and a bucket fits in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.data.mapped import mapped_array
from bench.data.text_keys import text_keys

_BUCKET = 524_288  # texts that are compared at a time, on average
_PIECE = 1_048_576  # rows that are looked at together


def equal_keys(folder: Path, column: Iterator[pa.Array], rows: int) -> bool:
    """Whether two texts of a column have one 64-bit key, as equal ones have; where not, all are different.

    It is quicker than :class:`FirstRows`, and says less.

    Args:
        folder: says on which disk the keys are sorted.
        column: pieces of the column, without nulls.
        rows: how many rows they have together.
    """
    keys, start = mapped_array(folder, (rows,), np.uint64), 0
    for texts in column:
        keys[start : start + len(texts)] = text_keys(texts)
        start += len(texts)
    keys.sort()  # in place: what lies on disk is moved there
    return any((np.diff(keys[first : first + _PIECE + 1]) == 0).any() for first in range(0, rows, _PIECE))


class FirstRows:
    """The first row that has the text of each row. Append the column's pieces in order, then call :meth:`found`.

    Texts are equal where two keys of 64 bits are: that two different texts of n have both has a probability of about
    n²/2^129.

    Args:
        folder: says on which disk the numbers lie.
        rows: of the column.
    """

    def __init__(self, folder: Path, rows: int) -> None:
        self._keys = mapped_array(folder, (2, rows), np.uint64)
        self._first = mapped_array(folder, (rows,), np.int64)
        self._rows = self._different = 0

    def append(self, texts: pa.Array) -> None:
        """Takes the next rows; nulls are no text."""
        encoded = texts.cast(pa.large_string()).dictionary_encode()
        code = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)  # (n,)
        given = np.flatnonzero(code >= 0)
        first = np.zeros(len(encoded.dictionary) + 1, dtype=np.int64)
        first[-1] = -1  # of a null
        first[code[given[::-1]]] = self._rows + given[::-1]  # of each text, in this piece
        self._first[self._rows : self._rows + len(code)] = first[code]
        for salt, keys in enumerate(self._keys):
            keys[first[:-1]] = text_keys(encoded.dictionary, salt)
        self._rows, self._different = self._rows + len(code), self._different + len(encoded.dictionary)

    def found(self) -> NDArray[np.int64]:
        """(rows,) the first row with the same text; -1 for a null. It lies on disk."""
        bits = max(0, (self._different // _BUCKET).bit_length())
        for bucket in range(1 << bits):
            self._settle(self._of_bucket(bucket, bits))
        for start in range(0, self._rows, _PIECE):  # a row that repeats one of its own piece follows that one
            piece = self._first[start : start + _PIECE]
            piece[:] = np.where(piece >= 0, self._first[piece], -1)
        return self._first

    def _of_bucket(self, bucket: int, bits: int) -> NDArray[np.int64]:
        """Rows, ascending, that are the first of their piece with their text, of the texts in a bucket."""
        rows = [np.zeros(0, np.int64)]
        for start in range(0, self._rows, _PIECE):
            chosen = self._first[start : start + _PIECE] == np.arange(start, min(start + _PIECE, self._rows))
            if bits:
                chosen &= self._keys[0, start : start + _PIECE] >> np.uint64(64 - bits) == bucket
            rows.append(start + np.flatnonzero(chosen))
        return np.concatenate(rows)

    def _settle(self, rows: NDArray[np.int64]) -> None:
        """Writes down the first row of each text of ``rows`` (n,), which ascend; equal texts are all among them."""
        if not len(rows):
            return
        keys = self._keys[:, rows]
        order = np.lexsort(keys)  # stable: rows with one text ascend
        keys = keys[:, order]
        opens = np.append(True, (keys[:, 1:] != keys[:, :-1]).any(axis=0))
        self._first[rows[order]] = rows[order][opens][np.cumsum(opens) - 1]


def codes_of(folder: Path, first: NDArray[np.int64]) -> tuple[NDArray[np.int32], int]:
    """Codes of texts in the order of their first rows, on disk, and how many different texts there are.

    Args:
        folder: says on which disk.
        first: (n,) of :meth:`FirstRows.found`.

    Returns:
        (n,) codes, -1 for a null; and their number.
    """
    codes, texts = mapped_array(folder, first.shape, np.int32), 0
    for start in range(0, len(first), _PIECE):
        piece = first[start : start + _PIECE]
        new = piece == np.arange(start, start + len(piece))
        numbers = np.where(new, texts + np.cumsum(new) - 1, -1)
        codes[start : start + len(piece)] = numbers
        codes[start : start + len(piece)] = np.where(piece >= 0, codes[piece], -1)
        texts += int(np.count_nonzero(new))
    return codes, texts
