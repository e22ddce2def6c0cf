"""Queries that are typed on: where a shop searches at every key, ``go`` is no query, but the way to ``gold``."""

from __future__ import annotations

import duckdb

from bench.datasets.ubi import UbiOptions

SECONDS = 5
"""A query is typed on where the next one of the same user begins with its letters and follows within so many seconds.
Keys follow each other within one; five leave time to think, and are too few to read a list of results."""

_TYPED = """
CREATE TABLE typed AS
SELECT query_id, asked, next FROM (
    SELECT query_id, asked, lead(asked) OVER in_time AS next, lead(time) OVER in_time - time AS wait
    FROM queries WHERE asked IS NOT NULL AND product IS NULL
    WINDOW in_time AS (PARTITION BY application, coalesce("user", session) ORDER BY time, len(asked), query_id)
)
ANTI JOIN (SELECT query_id FROM events WHERE action IN ({clicks}) AND query_id IS NOT NULL) USING (query_id)
WHERE wait <= {wait} AND len(next) > len(asked) AND starts_with(lower(next), lower(asked))
"""


def settle_typed_queries(
    db: duckdb.DuckDBPyConnection, options: UbiOptions, clicks: str
) -> tuple[dict[str, int], list[str]]:
    """Counts the queries without clicks that were typed on, and takes them out of ``queries`` where that is asked for.

    Args:
        db: the database, with ``queries`` and ``events``.
        options: ``as_you_type``.
        clicks: SQL list of the actions that are clicks.

    Returns:
        numbers of queries that are left out by reason, and warnings.
    """
    db.execute(_TYPED.format(clicks=clicks, wait=SECONDS * 1000))
    count, asked, following = db.execute(
        "SELECT count(*), arg_min(asked, query_id), arg_min(next, query_id) FROM typed"
    ).fetchall()[0]
    queries = db.execute("SELECT count(*) FROM queries").fetchall()[0][0]
    dropped, warnings = {}, []
    if count and options.as_you_type == "merge":
        db.execute("DELETE FROM queries WHERE query_id IN (SELECT query_id FROM typed)")
        dropped["queries that were typed on, without a click"] = count
    elif count:
        warnings.append(
            f"{count:,} of {queries:,} queries were typed on within {SECONDS} seconds, such as {asked!r} before "
            f"{following!r}, and have no click: --set as_you_type=merge leaves them out"
        )
    db.execute("DROP TABLE typed")
    return dropped, warnings
