"""The DuckDB database in which an event log is staged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from bench.datasets.ingest.options import IngestOptions
from bench.errors import BenchError

GONE = {
    "queries": ("query_id",),
    "items": ("item_id",),
    "images": ("image_id",),
    "impressions": ("query_id", "item_id"),
}
"""Tables whose rows others refer to, and by what; ``gone_NAME`` has those of rows that were left out for a fault."""


@contextmanager
def log_database(folder: Path, options: IngestOptions) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database on disk in ``folder``, closed when the block ends. It spills to that folder and downloads nothing.

    Args:
        folder: a folder that exists.
        options: ``memory_limit`` and ``threads`` are DuckDB's.

    Raises:
        BenchError: DuckDB does not accept the limit or the number of threads.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": options.memory_limit,
        "threads": options.threads,
        "temp_directory": str(folder / "spill"),
        "autoinstall_known_extensions": False,
    }
    try:
        db = duckdb.connect(str(folder / "log.duckdb"), config=config)
    except duckdb.Error as error:
        raise BenchError(str(error).splitlines()[0], where="memory_limit, threads", fix="such as 2GB and 2") from error
    try:
        db.execute("SET TimeZone = 'UTC'")
        db.execute("SET enable_progress_bar = false")  # it prints to standard output, between a program's JSON
        for name, ids in GONE.items():
            db.execute(f"CREATE TABLE gone_{name} ({', '.join(f'{column} VARCHAR' for column in ids)})")
        yield db
    finally:
        db.close()
