"""The tables of an event log, as Parquet, from what was read of a UBI log."""

from __future__ import annotations

from pathlib import Path

import duckdb

from bench.datasets.image_vectors import image_vectors
from bench.datasets.sql_text import literal
from bench.datasets.ubi import UbiOptions

_QUERIES = """
SELECT query_id, "user" AS user, {session} make_timestamp_ms(queries.time) AS time,
       CASE WHEN product IS NULL THEN 'keyword' ELSE 'product' END AS kind,
       coalesce(asked, items.title) AS text, image_id AS image
FROM queries LEFT JOIN items ON items.item = queries.product LEFT JOIN pictures ON image_id = queries.product
"""
_ITEMS = """
SELECT item AS item_id, title AS text{category}, image_id AS image FROM items LEFT JOIN pictures ON image_id = item
"""


def write_tables(
    db: duckdb.DuckDBPyConnection, work: Path, options: UbiOptions, has_sessions: bool
) -> dict[str, str | Path]:
    """Writes the tables, and returns the file of each by the table's name.

    Args:
        db: the database, with ``queries``, ``shown``, ``clicked`` and ``items``.
        work: the folder to write into.
        options: ``images``: the file whose vectors the products of queries, and the items, have by their ids.
        has_sessions: whether queries have session ids.

    Raises:
        BenchError: that file cannot be read, or has no ids.
    """
    vectors = image_vectors(options.images) if options.images else "SELECT NULL AS image_id WHERE false"
    db.execute(f"CREATE TABLE pictures AS SELECT DISTINCT image_id::VARCHAR AS image_id FROM ({vectors})")
    session = "session AS session_id," if has_sessions else ""
    category = "" if db.execute("SELECT count(category) FROM items").fetchall()[0][0] == 0 else ", category"
    selects = {
        "queries": _QUERIES.format(session=session),
        "impressions": "SELECT query_id, item AS item_id, rank FROM shown",
        "clicks": "SELECT query_id, item AS item_id, make_timestamp_ms(time) AS time FROM clicked",
        "items": _ITEMS.format(category=category),
        **({"images": vectors} if options.images else {}),
    }
    tables: dict[str, str | Path] = {}
    for name, select in selects.items():
        tables[name] = work / f"{name}.parquet"
        db.execute(f"COPY ({select}) TO {literal(str(tables[name]))} (FORMAT parquet)")
    return tables
