"""Sessionisation: a user's queries are cut where the user was idle, and sessions without an image query are dropped.

Liu et al., KDD 2022, section 4.1: a session ends when its user is idle for over 30 minutes.
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
    FROM usable GROUP BY session_id HAVING count(picture) >= {images}
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
    SELECT q, session, first_step, usable.time, kind, picture,
           row_number() OVER (PARTITION BY session ORDER BY usable.time, query_id) - 1 AS position
    FROM usable JOIN sessions USING (session_id)
)
"""


def sessionise(
    queries: StagedTable, db: duckdb.DuckDBPyConnection, *, idle_minutes: float, keep_text_only: bool
) -> dict[str, int]:
    """Makes tables ``sessions`` (session_id, user, start, session) and ``steps`` (q, session, position, step, …).

    Sessions are numbered by start, then id; steps within a session by time, then query id. So nothing depends on the
    order of rows in the files. All queries count as activity, also those that are dropped for their kind or contents.

    Args:
        queries: the staged queries, with a number ``q`` and the number ``picture`` of each one's image.
        db: their database.
        idle_minutes: a longer gap between two queries of a user opens a session, unless the log has session ids.
        keep_text_only: keep sessions without an image query.

    Returns:
        numbers of dropped queries and sessions, by reason.

    Raises:
        BenchError: a query without a user or a session, or a session of two users.
    """
    has_sessions = "session_id" in queries.columns
    key = "session_id" if has_sessions else "user"
    missing = db.execute(f"SELECT min(query_id) FROM queries WHERE {key} IS NULL").fetchall()[0][0]
    if missing is not None:
        raise BenchError(f"query {missing!r} has none", where=queries.where(key), fix="each query needs one")
    if has_sessions:
        db.execute("CREATE TABLE asked AS SELECT q, time, session_id FROM queries")
        of_two = "SELECT min(session_id) FROM (SELECT session_id FROM queries GROUP BY 1 HAVING min(user) <> max(user))"
        session = db.execute(of_two).fetchall()[0][0]
        if session is not None:
            fix = "give each user's part an id of its own"
            raise BenchError(f"session {session!r} has two users", where=queries.where("session_id"), fix=fix)
    else:
        db.execute(_BY_IDLE_TIME.format(idle=round(idle_minutes * 60_000)))

    db.execute("""
        CREATE VIEW described AS SELECT q, query_id, user, session_id, asked.time,
               list_position(['keyword', 'product'], lower(trim(kind))) - 1 AS kind, len(words) AS length, picture
        FROM asked JOIN (SELECT * EXCLUDE (session_id, time) FROM queries) AS query USING (q)
    """)
    all_sessions, of_unknown_kind, empty = db.execute("""
        SELECT count(DISTINCT session_id), count(*) FILTER (kind IS NULL),
               count(*) FILTER (kind IS NOT NULL AND length = 0 AND picture IS NULL)
        FROM described
    """).fetchall()[0]
    db.execute("""
        CREATE TABLE usable AS SELECT * EXCLUDE (length) FROM described
        WHERE kind IS NOT NULL AND (length > 0 OR picture IS NOT NULL)
    """)
    db.execute(_SESSIONS.format(images=0 if keep_text_only else 1))
    db.execute(_STEPS)
    sessions, queries_left = db.execute("SELECT count(DISTINCT session_id), count(*) FROM usable").fetchall()[0]
    kept_sessions, steps = db.execute("SELECT count(*), coalesce(sum(steps), 0) FROM sessions").fetchall()[0]
    db.execute("DROP TABLE usable; DROP VIEW described; DROP TABLE asked")
    return {
        "queries of an unknown kind": of_unknown_kind,
        "queries without words and image": empty,
        "sessions of such queries only": all_sessions - sessions,
        "sessions without an image query": sessions - kept_sessions,
        "queries of sessions without an image query": queries_left - int(steps),
    }
