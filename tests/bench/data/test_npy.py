"""A matrix written in chunks is the matrix that numpy reads, memory-mapped or not."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from bench.data.npy import NpyWriter, mapped


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.int64, np.bool_])
@pytest.mark.parametrize("columns", [None, 1, 7])
def test_chunks_are_read_back_as_one(tmp_path: Path, dtype: type, columns: int | None) -> None:
    shape = (23,) if columns is None else (23, columns)
    matrix = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    writer = NpyWriter(tmp_path / "m.npy", dtype, columns)
    for part in np.split(matrix, [5, 5, 18]):  # one chunk is empty
        writer.append(part)
    assert writer.rows == 23
    writer.close()
    for mode in (None, "r"):
        found = np.load(tmp_path / "m.npy", mmap_mode=mode)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, matrix)
    assert isinstance(np.load(tmp_path / "m.npy", mmap_mode="r"), np.memmap)


def test_no_rows_at_all(tmp_path: Path) -> None:
    NpyWriter(tmp_path / "m.npy", np.float32, 4).close()
    assert np.load(tmp_path / "m.npy", mmap_mode="r").shape == (0, 4)


def test_rows_in_another_memory_order(tmp_path: Path) -> None:
    matrix = np.asfortranarray(np.arange(12, dtype=np.float32).reshape(4, 3))
    writer = NpyWriter(tmp_path / "m.npy", np.float32, 3)
    writer.append(matrix)
    writer.append(matrix[::-2])
    writer.close()
    np.testing.assert_array_equal(np.load(tmp_path / "m.npy"), np.concatenate([matrix, matrix[::-2]]))


@pytest.mark.parametrize("rows", [np.zeros((2, 4), np.float32), np.zeros((2, 3)), np.zeros(3, np.float32)])
def test_rows_of_another_width_or_type_are_refused(tmp_path: Path, rows: np.ndarray) -> None:
    writer = NpyWriter(tmp_path / "m.npy", np.float32, 3)
    with pytest.raises(ValueError, match="this file takes"):
        writer.append(rows)
    writer.close()


def test_a_file_that_was_not_closed_cannot_be_read(tmp_path: Path) -> None:
    """A crash leaves no file that looks complete."""
    writer = NpyWriter(tmp_path / "m.npy", np.float32, 3)
    writer.append(np.zeros((5, 3), np.float32))
    with pytest.raises((ValueError, EOFError)):
        np.load(tmp_path / "m.npy", allow_pickle=False)
    writer.close()
    assert np.load(tmp_path / "m.npy").shape == (5, 3)


def test_what_lies_on_disk_is_written_without_a_copy(tmp_path: Path) -> None:
    rows = np.arange(100_000.0).reshape(-1, 10)
    tracemalloc.start()
    try:
        writer = NpyWriter(tmp_path / "rows.npy", np.float64, 10)
        writer.append(rows)
        writer.close()
        assert tracemalloc.get_traced_memory()[1] < rows.nbytes / 2
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(mapped(tmp_path / "rows.npy"), rows)
