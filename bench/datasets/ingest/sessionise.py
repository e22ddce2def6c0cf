"""Cuts a user's queries into sessions where the user was idle, and chooses the sessions to keep.

Section 4.1 of the paper: a session ends when its user is idle for over 30 minutes, and sessions without an image query
are dropped.
"""

from __future__ import annotations

import duckdb

from bench.datasets.ingest.staging import StagedTable
from bench.errors import BenchError

_BY_IDLE_TIME = """
CREATE TABLE asked AS
SELECT q, time, user || '#' || sum(opens) OVER (
    PARTITION BY user ORDER BY time, query_id ROWS UNBOUNDED PRECEDING
) AS session_id
FROM (
    SELECT q, user, time, query_id, CASE WHEN time - lag(time) OVER asked <= {idle} THEN 0 ELSE 1 END AS opens
    FROM queries WINDOW asked AS (PARTITION BY user ORDER BY time, query_id)
)
"""

_SESSIONS = """
CREATE TABLE sessions AS
WITH summed AS (
    SELECT session_id, any_value(user) AS user, min(time) AS start, count(*) AS steps
    FROM said GROUP BY session_id HAVING count(picture) >= {images}
)
SELECT session_id, user, start, steps,
       row_number() OVER in_time - 1 AS session,
       sum(steps) OVER (in_time ROWS UNBOUNDED PRECEDING) - steps AS first_step
FROM summed WINDOW in_time AS (ORDER BY start, session_id)
"""

_STEPS = """
CREATE TABLE steps AS
SELECT q, session, position, time, kind, picture, first_step + position AS step
FROM (
    SELECT q, session, first_step, said.time, kind, picture,
           row_number() OVER (PARTITION BY session ORDER BY said.time, query_id) - 1 AS position
    FROM said JOIN sessions USING (session_id)
)
"""


def sessionise(
    queries: StagedTable, db: duckdb.DuckDBPyConnection, *, idle_minutes: float, keep_text_only: bool
) -> dict[str, int]:
    """Makes ``sessions`` (session_id, user, start, session) and ``steps`` (q, session, position, step, …).

    Sessions are numbered by start, then id; steps within a session by time, then query_id. So nothing depends on the
    order of the rows in the files. All queries take part in finding idle times, also those that are dropped after it.

    Args:
        queries: the staged queries, with a number ``q`` and the image ``picture`` that was found for each.
        db: their database.
        idle_minutes: a longer gap between two queries of a user opens a session, unless the log has session ids.
        keep_text_only: keep sessions without an image query.

    Returns:
        what was dropped: number of queries or sessions by reason.

    Raises:
        BenchError: a query without a user or a session, or a session of two users.
    """
    ready = "session_id" in queries.columns
    key = "session_id" if ready else "user"
    missing = db.execute(f"SELECT min(query_id) FROM queries WHERE {key} IS NULL").fetchall()[0][0]
    if missing is not None:
        raise BenchError(f"query {missing!r} has none", where=queries.where(key), fix="each query needs one")
    if ready:
        db.execute("CREATE TABLE asked AS SELECT q, time, session_id FROM queries")
        shared = "SELECT min(session_id) FROM (SELECT session_id FROM queries GROUP BY 1 HAVING min(user) <> max(user))"
        several = db.execute(shared).fetchall()[0][0]
        if several is not None:
            fix = "a session is of one user"
            raise BenchError(f"session {several!r} has two users", where=queries.where("session_id"), fix=fix)
    else:
        db.execute(_BY_IDLE_TIME.format(idle=round(idle_minutes * 60_000)))

    db.execute("""
        CREATE VIEW described AS SELECT q, query_id, user, session_id, asked.time,
               list_position(['keyword', 'product'], lower(trim(kind))) - 1 AS kind, len(words) AS length, picture
        FROM asked JOIN (SELECT * EXCLUDE (session_id, time) FROM queries) AS query USING (q)
    """)
    counts = db.execute("""
        SELECT count(DISTINCT session_id), count(*) FILTER (kind IS NULL),
               count(*) FILTER (kind IS NOT NULL AND length = 0 AND picture IS NULL)
        FROM described
    """).fetchall()[0]
    db.execute("""
        CREATE TABLE said AS SELECT * EXCLUDE (length) FROM described
        WHERE kind IS NOT NULL AND (length > 0 OR picture IS NOT NULL)
    """)
    db.execute(_SESSIONS.format(images=0 if keep_text_only else 1))
    db.execute(_STEPS)
    remaining = db.execute("SELECT count(DISTINCT session_id), count(*) FROM said").fetchall()[0]
    kept = db.execute("SELECT count(*), coalesce(sum(steps), 0) FROM sessions").fetchall()[0]
    db.execute("DROP TABLE said; DROP VIEW described; DROP TABLE asked")
    return {
        "queries of an unknown kind": counts[1],
        "queries without words and image": counts[2],
        "sessions of such queries only": counts[0] - remaining[0],
        "sessions without an image query": remaining[0] - kept[0],
        "queries of sessions without an image query": remaining[1] - int(kept[1]),
    }
