"""The tables of an event log, as Parquet, from what was read of a UBI log."""

from __future__ import annotations

from pathlib import Path

import duckdb

from bench.datasets.ubi import UbiOptions

_QUERIES = """
SELECT query_id, "user" AS user, {session} make_timestamp_ms(queries.time) AS time,
       CASE WHEN product IS NULL THEN 'keyword' ELSE 'product' END AS kind,
       coalesce(asked, items.title) AS text, {image} AS image
FROM queries LEFT JOIN items ON items.item = queries.product
"""


def write_tables(
    db: duckdb.DuckDBPyConnection, work: Path, options: UbiOptions, has_sessions: bool
) -> dict[str, str | Path]:
    """Writes the tables, and returns the file of each by the table's name.

    Args:
        db: the database, with ``queries``, ``shown``, ``clicked`` and ``items``.
        work: the folder to write into.
        options: ``images``: without vectors, no query and no item has an image.
        has_sessions: whether queries have session ids.
    """
    image, session = "product" if options.images else "NULL::VARCHAR", "session AS session_id," if has_sessions else ""
    category = "" if db.execute("SELECT count(category) FROM items").fetchall()[0][0] == 0 else ", category"
    selects = {
        "queries": _QUERIES.format(session=session, image=image),
        "impressions": "SELECT query_id, item AS item_id, rank FROM shown",
        "clicks": "SELECT query_id, item AS item_id, make_timestamp_ms(time) AS time FROM clicked",
        "items": f"SELECT item AS item_id, title AS text{category} FROM items",
    }
    if not options.images:
        selects["items"] = selects["items"].replace(" FROM", ", NULL::VARCHAR AS image FROM")
    tables: dict[str, str | Path] = {}
    for name, select in selects.items():
        tables[name] = work / f"{name}.parquet"
        db.execute(f"COPY ({select}) TO '{str(tables[name]).replace(chr(39), chr(39) * 2)}' (FORMAT parquet)")
    if options.images:
        tables["images"] = options.images
    return tables
