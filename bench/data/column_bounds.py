"""Whether every number in a corpus's columns leads to something that is there.

Checksums say that a corpus is as somebody wrote it, not that they meant well: whoever writes a word's row 10⁹ can write
the checksum of it too, and a compiled loop reads that row without asking. So types, lengths and ranges are looked at
when a process first opens a corpus: one pass over the columns, in pieces, at the speed of the disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.columns import COLUMN_TYPES, FOLDER, Columns, Meta
from bench.data.npy import mapped
from bench.data.schema import KINDS, SPLITS

_PIECE = 1 << 20  # numbers that are looked at together


def stray(folder: Path, columns: Columns, meta: Meta) -> str:
    """What is wrong with the columns or matrices of the corpus in ``folder``, in a few words; empty where nothing is.

    Raises:
        OSError, ValueError: a matrix cannot be read.
    """
    words, images = (mapped(folder / f"{name}_vectors.npy") for name in ("word", "image"))
    for name, matrix, kinds in (("word", words, ("float32",)), ("image", images, ("int8", "float32"))):
        if matrix.ndim != 2 or matrix.dtype.name not in kinds or not matrix.dtype.isnative:
            return f"{name}_vectors is not a matrix of {' or '.join(kinds)}"
    for field in fields(Columns):
        column = getattr(columns, field.name)
        if column.ndim != 1 or column.dtype != COLUMN_TYPES[field.name]:
            return f"{FOLDER}/{field.name} is of another type or shape"
    return _lengths(columns) or _ranges(columns, meta, len(words), len(images)) or _sessions(columns)


def _lengths(columns: Columns) -> str:
    """Whether columns of one table are equally long, and offsets ascend from 0 to the end of what they cut."""
    tables = {
        "session": len(columns.session_split),
        "query": len(columns.query_session),
        "impression": len(columns.impression_item),
        "item": len(columns.item_image),
    }
    cut: dict[str, tuple[str, NDArray[Any]]] = {
        "session_queries": ("session", columns.query_session),
        "query_word_offsets": ("query", columns.query_words),
        "query_impressions": ("query", columns.impression_item),
        "item_word_offsets": ("item", columns.item_words),
    }
    for field in fields(Columns):
        table, column = field.name.partition("_")[0], getattr(columns, field.name)
        if field.name in cut:
            owner, values = cut[field.name]
            if len(column) != tables[owner] + 1 or column[0] != 0 or column[-1] != len(values):
                return f"{FOLDER}/{field.name} does not go from 0 to {len(values):,}"
            shortest = min((int(np.diff(piece).min(initial=1)) for piece in _pieces(column, shared=1)), default=1)
            if shortest < 0:
                return f"{FOLDER}/{field.name} descends"
            if shortest == 0 and owner == "session":
                return f"{FOLDER}/{field.name} has a session without a query"
        elif not field.name.endswith("_words") and len(column) != tables[table]:
            return f"{FOLDER}/{field.name} has {len(column):,} rows, not {tables[table]:,}"
    return ""


def _ranges(columns: Columns, meta: Meta, words: int, images: int) -> str:
    """Whether rows and codes are those of something that is there."""
    ends = {
        "session_user": (-1, meta["users"]),
        "session_split": (0, len(SPLITS)),
        "query_session": (0, len(columns.session_split)),
        "query_kind": (0, len(KINDS)),
        "query_image": (-1, images),
        "query_words": (0, words),
        "impression_item": (0, len(columns.item_image)),
        "impression_rank": (1, 2**31),
        "item_image": (-1, images),
        "item_category": (-1, len(meta["categories"])),
        "item_domain": (-1, len(meta["domains"])),
        "item_words": (0, words),
    }
    for name, (least, end) in ends.items():
        for piece in _pieces(getattr(columns, name)):
            low, high = int(piece.min()), int(piece.max())
            if low < least or high >= end:
                odd = low if low < least else high
                return f"{FOLDER}/{name} has a {odd:,}, and {least} to {end - 1:,} are there"
    return ""


def _sessions(columns: Columns) -> str:
    """Whether queries stand in the order of their sessions, where the sessions' offsets say."""
    starts = columns.session_queries
    for piece in _pieces(columns.query_session, shared=1):
        if (np.diff(piece) < 0).any():
            return f"{FOLDER}/query_session descends"
    for start in range(0, len(starts) - 1, _PIECE):
        at = np.asarray(starts[start : start + _PIECE + 1])
        filled = np.flatnonzero(np.diff(at))
        ends = (columns.query_session[at[filled]], columns.query_session[at[filled + 1] - 1])
        if any((np.asarray(end) != start + filled).any() for end in ends):
            return f"{FOLDER}/session_queries leads to queries of other sessions"
    return ""


def _pieces(column: NDArray[Any], shared: int = 0) -> Iterator[NDArray[Any]]:
    """A column piece by piece, each with the last ``shared`` numbers of the one before; read, not mapped."""
    if not isinstance(column, np.memmap) or column.filename is None:
        if len(column):
            yield column
        return
    with open(column.filename, "rb") as file:
        for start in range(0, len(column), _PIECE):
            first = max(0, start - shared)
            file.seek(column.offset + first * column.itemsize)
            yield np.fromfile(file, column.dtype, min(_PIECE + start - first, len(column) - first))
