"""Ragged rows: the vectorised operations give what loops give, empty rows and empty requests included."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bench.data.csr import expand_ranges, offsets_of, take_rows

RANGES = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6)), max_size=12)


@given(RANGES)
def test_ranges_one_after_the_other(ranges: list[tuple[int, int]]) -> None:
    starts = np.array([start for start, _ in ranges], dtype=np.int64)
    ends = starts + np.array([length for _, length in ranges], dtype=np.int64)
    values, owner = expand_ranges(starts, ends)
    assert values.tolist() == [v for start, length in ranges for v in range(start, start + length)]
    assert owner.tolist() == [i for i, (_, length) in enumerate(ranges) for _ in range(length)]
    assert values.dtype == owner.dtype == np.int64


@given(st.lists(st.lists(st.integers(-9, 9), max_size=4), min_size=1, max_size=8), st.data())
def test_rows_in_any_order_and_more_than_once(rows: list[list[int]], data: st.DataObject) -> None:
    wanted = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=10))
    offsets = offsets_of(np.array([len(row) for row in rows]))
    flat = np.array([value for row in rows for value in row], dtype=np.int32)
    values, owner = take_rows(offsets, flat, np.array(wanted, dtype=np.int64))
    assert values.tolist() == [value for row in wanted for value in rows[row]]
    assert owner.tolist() == [place for place, row in enumerate(wanted) for _ in rows[row]]
    assert values.dtype == np.int32


def test_offsets() -> None:
    assert offsets_of(np.array([2, 0, 3])).tolist() == [0, 2, 2, 5]
    assert offsets_of(np.array([], dtype=np.int64)).tolist() == [0]
    large = offsets_of(np.array([2**31 - 1, 2**31 - 1], dtype=np.int32))
    assert large[-1] == 2**32 - 2, "offsets do not overflow where lengths are 32-bit"
