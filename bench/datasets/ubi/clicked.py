"""What was clicked: the clicks on items that their query showed, not before it was asked."""

from __future__ import annotations

import duckdb

from bench.datasets.ingest.faults import Faults, of_rows

_CLICKED = """
CREATE TABLE clicked AS
SELECT query_id, object AS item, events.time AS time, queries.time AS asked, shown.item IS NOT NULL AS is_shown
FROM events JOIN queries USING (query_id)
LEFT JOIN shown ON shown.query_id = events.query_id AND shown.item = events.object
WHERE action IN ({clicks}) AND object IS NOT NULL
"""


def join_clicks(db: duckdb.DuckDBPyConnection, faults: Faults, clicks: str) -> dict[str, int]:
    """Makes table ``clicked`` (query_id, item, time).

    Args:
        db: the database, with ``queries``, ``events`` and ``shown``.
        faults: gets clicks on items that their query did not show, and clicks before their query.
        clicks: SQL list of the actions that are clicks.

    Returns:
        numbers of clicks that are left out by reason.
    """
    total, loose, of_none = db.execute(f"""
        SELECT count(*), count(*) FILTER (query_id IS NULL OR object IS NULL),
               count(*) FILTER (object IS NOT NULL AND query_id NOT IN (SELECT query_id FROM queries))
        FROM events WHERE action IN ({clicks})
    """).fetchall()[0]
    db.execute(_CLICKED.format(clicks=clicks))
    lost = "are impressions lost, or called otherwise than --set impressions says?"
    for condition, reason, what, where, fix in (
        ("NOT is_shown", "clicks on items that were not shown", "was clicked, but not shown", "object_id", lost),
        ("time < asked", "clicks before their query", "was clicked before it was asked", "timestamp", "check clocks"),
    ):
        found = f"SELECT count(*), min(item), arg_min(query_id, (item, query_id)) FROM clicked WHERE {condition}"
        count, item, query = db.execute(found).fetchall()[0]
        faults.rows(count, reason, where, f"{item!r} of query {query!r} {what}{of_rows(count, total)}", fix)
        if count:
            db.execute(f"DELETE FROM clicked WHERE {condition}")
    return {
        "clicks without a query_id or object_id": loose,
        "clicks of queries that are left out": of_none,
    }
