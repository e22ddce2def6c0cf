"""Sessionisation: a user's queries are cut where the user was idle, and sessions without an image query are dropped.

Liu et al., KDD 2022, section 4.1: a session ends when its user is idle for over 30 minutes.
"""

from __future__ import annotations

import duckdb

from bench.datasets.ingest.faults import Faults, of_rows
from bench.datasets.ingest.options import IngestOptions
from bench.datasets.ingest.staging import StagedTable

_BY_IDLE_TIME = """
CREATE TABLE asked AS
WITH activity AS (
    SELECT {actor} AS actor, time, q FROM queries {clicks}
), opened AS (
    SELECT *, CASE WHEN time - lag(time) OVER (PARTITION BY actor ORDER BY time) <= {idle} THEN 0 ELSE 1 END AS opens
    FROM activity
), cut AS (  -- the sum has events of one time as peers, so that their order says nothing
    SELECT *, sum(opens) OVER (PARTITION BY actor ORDER BY time) AS part FROM opened
)
SELECT q, time, actor || '#' || dense_rank() OVER (PARTITION BY actor ORDER BY part) AS session_id
FROM cut WHERE q IS NOT NULL
"""

_CLICKS = """
UNION ALL SELECT {actor}, clicked_rows.time, NULL FROM clicked_rows JOIN queries USING (q)
WHERE clicked_rows.time IS NOT NULL
"""

_SESSIONS = """
CREATE TABLE sessions AS
WITH summed AS (
    SELECT session_id, min(user) AS user, min(time) AS start, count(*) AS steps
    FROM usable GROUP BY session_id HAVING count(picture) >= {images} AND count(*) <= {steps}
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
           row_number() OVER (PARTITION BY session ORDER BY usable.time, usable.position, q) - 1 AS position
    FROM usable JOIN sessions USING (session_id)
)
"""


_DESCRIBED = """
CREATE VIEW described AS
SELECT q, query_id, user, asked.session_id, asked.time, position, picture, len(words) AS length,
       list_position(['keyword', 'product'], lower(trim(kind))) - 1 AS kind
FROM asked JOIN (SELECT * EXCLUDE (session_id, time) FROM queries) AS query USING (q)
"""


def check_actors(queries: StagedTable, db: duckdb.DuckDBPyConnection, faults: Faults, options: IngestOptions) -> int:
    """Takes out queries whose user or session is not known.

    Args:
        queries: the staged queries.
        db: their database.
        faults: gets queries without a user (or session id, where the log has them), and those of a session id that has
            several users.
        options: ``anonymous`` and ``session_ids``.

    Returns:
        number of queries that were left out because ``anonymous`` is ``drop``.
    """
    has_sessions = "session_id" in queries.columns
    key = "session_id" if has_sessions else "user"
    missing, least = db.execute(f"SELECT count(*), min(query_id) FROM queries WHERE {key} IS NULL").fetchall()[0]
    if missing:
        _leave_out(db, f"{key} IS NULL")
        if options.anonymous == "stop":
            said = ", ".join(map(repr, queries.profiles[key].nulls))
            what = f"query {least!r} has none{f' but {said}' if said else ''}{of_rows(missing, queries.rows)}"
            fix = "each query needs one; --anonymous drop leaves the others out"
            faults.add(queries.where(key), what, fix)
    if has_sessions and options.session_ids != "per-user":
        db.execute("CREATE TABLE shared AS SELECT session_id FROM queries GROUP BY 1 HAVING min(user) <> max(user)")
        of_two, session = db.execute("""
            SELECT count(*), min(session_id) FROM queries SEMI JOIN shared USING (session_id)
        """).fetchall()[0]
        if of_two:
            ids = db.execute("SELECT count(*) FROM shared").fetchall()[0][0]
            what = f"session {session!r} has two users{of_rows(of_two, queries.rows)}, as have {ids:,} sessions in all"
            fix = "give each user's part an id of its own; --session-ids per-user tells them apart"
            faults.rows(of_two, "queries of a session of several users", queries.where("session_id"), what, fix)
            _leave_out(db, "session_id IN (SELECT session_id FROM shared)")
        db.execute("DROP TABLE shared")
    return int(missing) if options.anonymous == "drop" else 0


def _leave_out(db: duckdb.DuckDBPyConnection, condition: str) -> None:
    db.execute(f"INSERT INTO gone_queries SELECT query_id FROM queries WHERE {condition}")
    db.execute(f"DELETE FROM queries WHERE {condition}")


def asks_images(db: duckdb.DuckDBPyConnection) -> bool:
    """Whether any query of the log names an image."""
    return bool(db.execute("SELECT 1 FROM queries WHERE image IS NOT NULL LIMIT 1").fetchall())


def sessionise(
    queries: StagedTable, db: duckdb.DuckDBPyConnection, options: IngestOptions, *, keep_text_only: bool
) -> dict[str, int]:
    """Makes tables ``sessions`` (session_id, user, start, session) and ``steps`` (q, session, position, step, …).

    Sessions are numbered by start, then id; steps within a session by time, then ``position``, then the order of query
    ids. So nothing depends on the order of rows in the files. All queries count as activity, also those that are
    dropped for their kind or contents, and so do clicks, unless ``activity`` says otherwise.

    Args:
        queries: the staged queries, with a number ``q`` and the number ``picture`` of each one's image.
        db: their database, with the clicks in ``clicked_rows``.
        options: ``idle_minutes``, ``activity``, ``session_ids``, ``max_steps``.
        keep_text_only: whether sessions without an image query are kept.

    Returns:
        numbers of dropped queries and sessions, by reason.
    """
    has_sessions, given = "session_id" in queries.columns, options.session_ids
    apart = "session_id" if given == "keep" else "concat_ws('#', user, session_id)"
    if has_sessions and given != "cut":
        db.execute(f"CREATE TABLE asked AS SELECT q, time, {apart} AS session_id FROM queries")
    else:
        actor = apart if has_sessions else "user"
        clicks = _CLICKS.format(actor=actor) if options.activity == "clicks" else ""
        idle = round(options.idle_minutes * 60_000)
        db.execute(_BY_IDLE_TIME.format(actor=actor, clicks=clicks, idle=idle))
    db.execute(_DESCRIBED)
    all_sessions, of_unknown_kind, empty = db.execute("""
        SELECT count(DISTINCT session_id), count(*) FILTER (kind IS NULL),
               count(*) FILTER (kind IS NOT NULL AND length = 0 AND picture IS NULL)
        FROM described
    """).fetchall()[0]
    db.execute("""
        CREATE TABLE usable AS SELECT * EXCLUDE (length) FROM described
        WHERE kind IS NOT NULL AND (length > 0 OR picture IS NOT NULL)
    """)
    most = options.max_steps or 2**62
    sessions, queries_left = db.execute("SELECT count(DISTINCT session_id), count(*) FROM usable").fetchall()[0]
    long_sessions, long_queries = db.execute(f"""
        SELECT count(*), coalesce(sum(steps), 0)::BIGINT
        FROM (SELECT count(*) AS steps FROM usable GROUP BY session_id HAVING count(*) > {most})
    """).fetchall()[0]
    db.execute(_SESSIONS.format(images=0 if keep_text_only else 1, steps=most))
    db.execute(_STEPS)
    kept_sessions, steps = db.execute("SELECT count(*), coalesce(sum(steps), 0)::BIGINT FROM sessions").fetchall()[0]
    db.execute("DROP TABLE usable; DROP VIEW described; DROP TABLE asked; DROP TABLE clicked_rows")
    return {
        "queries of an unknown kind": of_unknown_kind,
        "queries without words and image": empty,
        "sessions of such queries only": all_sessions - sessions,
        f"sessions of over {options.max_steps} queries": long_sessions,
        f"queries of sessions of over {options.max_steps} queries": long_queries,
        "sessions without an image query": sessions - long_sessions - kept_sessions,
        "queries of sessions without an image query": queries_left - long_queries - steps,
    }
