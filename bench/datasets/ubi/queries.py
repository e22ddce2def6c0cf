"""The queries of a UBI log: those that have rows of their own, and those that only events tell of.

A query may have several rows, since a page asks a search engine more than once for it, and some shops keep a query's id
while its words are being typed. Its words are those under which most of its items were shown or clicked, else those
of its last row; its time is that of its first row, else that of its first event.
"""

from __future__ import annotations

import duckdb

_WORDS = """
CREATE TABLE worded AS
WITH said AS (
    SELECT query_id, asked, 3 AS source, 0 AS acts, time FROM requests WHERE asked IS NOT NULL
    UNION ALL
    SELECT query_id, asked, 2, (action IN ({acts}))::INTEGER, time FROM events
    WHERE asked IS NOT NULL AND query_id IS NOT NULL
    UNION ALL
    SELECT query_id, message, 1, 0, time FROM events WHERE message IS NOT NULL AND query_id IS NOT NULL
), texts AS (
    SELECT query_id, asked, max(source) AS source, sum(acts) AS acts, max(time) AS last FROM said GROUP BY ALL
)
SELECT query_id, arg_max(asked, (source > 1, acts, source, last, asked)) AS asked, max(source) AS source,
       count(DISTINCT lower(trim(asked))) FILTER (source > 1) AS wordings
FROM texts GROUP BY query_id
"""

_QUERIES = """
CREATE TABLE queries AS
WITH of_rows AS (
    SELECT query_id, min(time) AS time, count(*) AS rows, min(application) AS application, min(client) AS client,
           min("user") AS "user", min(session) AS session, min(product) AS product
    FROM requests GROUP BY query_id
), of_events AS (
    SELECT query_id, min(time) AS time, min(application) AS application, min(client) AS client, min("user") AS "user",
           arg_min(session, (time, session)) FILTER (session IS NOT NULL) AS session, min(product) AS product,
           count(DISTINCT session) AS sessions
    FROM events WHERE query_id IS NOT NULL GROUP BY query_id
)
SELECT query_id, coalesce(of_rows.time, of_events.time) AS time, coalesce(rows, 0) AS rows, asked, source, wordings,
       coalesce(of_rows.application, of_events.application) AS application,
       coalesce(of_rows.client, of_events.client) AS client, coalesce(of_events."user", of_rows."user") AS "user",
       coalesce(of_events.session, of_rows.session) AS session, coalesce(of_rows.product, of_events.product) AS product,
       coalesce(sessions, 0) AS sessions
FROM of_rows FULL JOIN of_events USING (query_id) LEFT JOIN worded USING (query_id)
"""


def gather_queries(db: duckdb.DuckDBPyConnection, acts: str) -> tuple[dict[str, int], list[str]]:
    """Makes table ``queries``, a row for each query that has words or began from a product.

    Args:
        db: the database, with ``requests`` and ``events``.
        acts: SQL list of the actions that are impressions or clicks.

    Returns:
        numbers of what is left out by reason, and notes.
    """
    db.execute(_WORDS.format(acts=acts))
    db.execute(_QUERIES)
    db.execute("DROP TABLE worded")
    all_rows, kept_rows, wordless = db.execute("""
        SELECT (SELECT count(*) FROM requests), count(*) FILTER (rows > 0),
               count(*) FILTER (asked IS NULL AND product IS NULL)
        FROM queries
    """).fetchall()[0]
    db.execute("DELETE FROM queries WHERE asked IS NULL AND product IS NULL")
    counts = db.execute("""
        SELECT count(*) FILTER (rows = 0), count(*) FILTER (rows = 0 AND source = 1), count(*) FILTER (wordings > 1),
               arg_min(query_id, query_id) FILTER (wordings > 1), count(*) FILTER (sessions > 1)
        FROM queries
    """).fetchall()[0]
    of_events, of_messages, reworded, example, many_sessions = counts
    notes = []
    if of_events:
        words = f"; the words of {of_messages:,} stand in no user_query, only in a message" if of_messages else ""
        notes.append(f"{of_events:,} queries have no row and are known from their events{words}")
    if reworded:
        notes.append(
            f"{reworded:,} queries have several wordings under one id, such as {example!r}: read with the words under "
            "which most items were shown, else with the last"
        )
    if many_sessions:
        notes.append(f"{many_sessions:,} queries have events of several sessions and are of that of the first event")
    dropped = {
        "rows of a query that has an earlier one": all_rows - kept_rows,
        "queries without words": wordless,
    }
    return dropped, notes
