"""A Parquet file that is streamed is in memory a row group at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.data.parquet import streamed

GROUPS, ROWS = 20, 10_000


def test_what_has_been_read_is_not_kept(tmp_path: Path) -> None:
    file = tmp_path / "numbers.parquet"
    numbers = np.random.default_rng(0).integers(2**62, size=GROUPS * ROWS)  # nothing that could be packed
    pq.write_table(pa.table({"number": numbers}), file, row_group_size=ROWS, use_dictionary=False)
    before, rows, most = pa.total_allocated_bytes(), 0, 0
    with streamed(file) as table:
        for batch in table.iter_batches(ROWS):
            rows, most = rows + batch.num_rows, max(most, pa.total_allocated_bytes() - before)
    assert rows == len(numbers)
    assert most < numbers.nbytes / 3, "a row group, read and decoded, is a tenth"
