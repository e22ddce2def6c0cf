"""Which items each training session clicked, and which sessions clicked each item: lists in files without a name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from baselines.pairs import rank_within, unique_pairs
from bench.data.clicks import Clicks
from bench.data.corpus import Corpus
from bench.data.csr import Integers, expand_ranges, offsets_of, take_rows
from bench.data.mapped import mapped_array

_SESSIONS = 1 << 14  # read at a time


class ClickedSessions:
    """The S training sessions of a corpus, numbered from the latest, and the distinct items that each clicked.

    In memory are some 40 bytes for each session and 8 for each item; the lists, eight bytes for each click, are mapped.
    Of sessions that start at once, and of those without a time, which count as the earliest, the later row is later.

    Args:
        corpus: the data.
        folder: says which disk.
    """

    def __init__(self, corpus: Corpus, folder: Path) -> None:
        columns, self._clicks = corpus.columns, Clicks(corpus.columns)
        self._num_items = len(columns.item_image)
        rows = corpus.session_rows("train")
        self._rows = rows[np.argsort(columns.session_start[rows], kind="stable")[::-1]]  # (S,) of the corpus
        self._number = np.full(len(columns.session_start), -1, dtype=np.int32)
        self._number[self._rows] = np.arange(len(self._rows))
        sizes, held = np.zeros(len(self._rows), np.int32), np.zeros(self._num_items, np.int64)
        for sessions, item, session in self._pieces():
            sizes[sessions] = np.bincount(session, minlength=len(sizes[sessions]))
            held += np.bincount(item, minlength=len(held))
        self._item_offsets, self._session_offsets = offsets_of(sizes), offsets_of(held)
        total = (int(self._item_offsets[-1]),)
        self._items, self._sessions = (mapped_array(folder, total, np.int32) for _ in range(2))
        free = self._session_offsets[:-1].copy()  # where the next session of each item goes
        for sessions, item, session in self._pieces():
            self._items[slice(*self._item_offsets[[sessions.start, sessions.stop]])] = item
            order = np.argsort(item, kind="stable")  # later sessions first, as they are numbered
            item, session = item[order], session[order]
            self._sessions[free[item] + rank_within(item)] = sessions.start + session
            free += np.bincount(item, minlength=len(free))

    def _pieces(self) -> Iterator[tuple[slice, NDArray[np.int64], NDArray[np.int64]]]:
        """Some sessions after the others: their numbers, and of each distinct click the item and the session, counted
        from the first of them; ascending by session, then by item.
        """
        for start in range(0, len(self._rows), _SESSIONS):
            sessions = slice(start, min(start + _SESSIONS, len(self._rows)))
            clicked, owner = self._clicks.of_sessions(self._rows[sessions])
            session, item = unique_pairs(owner, clicked, self._num_items)
            yield sessions, item, session

    def __len__(self) -> int:
        return len(self._rows)

    def number_of(self, rows: Integers) -> NDArray[np.int32]:
        """(n,) numbers of these sessions of the corpus (n,); -1 for one that is not of training."""
        return self._number[rows]

    def sizes(self, sessions: Integers) -> Integers:
        """(n,) how many distinct items each of these clicked."""
        return self._item_offsets[sessions + 1] - self._item_offsets[sessions]

    def holders(self, items: Integers) -> Integers:
        """(n,) how many sessions clicked each of these items."""
        return self._session_offsets[items + 1] - self._session_offsets[items]

    def items_of(self, sessions: Integers) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """``(items, owner)``: what these sessions clicked, and the place among them of each."""
        return take_rows(self._item_offsets, self._items, sessions)

    def latest_with(self, items: Integers, most: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """``(sessions, owner)``: the latest sessions that clicked each of these items, ``most`` of each at most, and
        the place of that item among ``items``; the latest first.
        """
        first = self._session_offsets[items]
        place, owner = expand_ranges(first, first + np.minimum(self.holders(items), most))
        return self._sessions[place], owner
