"""Whose a query is, and of which session: as its events say, else by the silences of its client."""

from __future__ import annotations

import duckdb

from bench.datasets.ingest.faults import Faults, of_rows
from bench.datasets.ubi import UbiOptions

_FILLED = """
CREATE TABLE filled AS
WITH acting AS (
    SELECT query_id, coalesce(client, "user") AS actor, time, session FROM queries
    WHERE coalesce(client, "user") IS NOT NULL
    {clicks}
), opened AS (
    SELECT *, CASE WHEN time - lag(time) OVER (PARTITION BY actor ORDER BY time) <= {idle} THEN 0 ELSE 1 END AS opens
    FROM acting SEMI JOIN (SELECT coalesce(client, "user") AS actor FROM queries WHERE session IS NULL) USING (actor)
), cut AS (  -- the sum has events of one time as peers, so that their order says nothing
    SELECT *, sum(opens) OVER (PARTITION BY actor ORDER BY time) AS stretch FROM opened
), near AS (
    SELECT query_id, actor, stretch, session,
           last_value(session IGNORE NULLS) OVER (in_time ROWS UNBOUNDED PRECEDING) AS earlier,
           first_value(session IGNORE NULLS) OVER (in_time ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS later
    FROM cut WINDOW in_time AS (PARTITION BY actor, stretch ORDER BY time, query_id, session)
)
SELECT query_id, coalesce(earlier, later, md5(actor)[:16] || '#' || stretch) AS session,
       coalesce(earlier, later) IS NULL AS is_made
FROM near WHERE session IS NULL AND query_id IS NOT NULL
"""
_CLICKS = """UNION ALL SELECT NULL, coalesce(queries.client, queries."user"), events.time, queries.session
FROM events JOIN queries USING (query_id)
WHERE action IN ({clicks}) AND coalesce(queries.client, queries."user") IS NOT NULL"""


def give_sessions(
    db: duckdb.DuckDBPyConnection, faults: Faults, options: UbiOptions, clicks: str
) -> tuple[bool, dict[str, int], list[str]]:
    """Sets ``session`` and ``user`` of each query, and takes out those that have neither.

    A user is the user id, else that which the session has elsewhere, else the client id.

    Args:
        db: the database, with ``queries`` and ``events``.
        faults: gets the queries that have neither, unless these are to be dropped, and sessions of several users.
        options: ``idle_minutes``, ``activity``, ``anonymous``, ``session_ids`` and ``user_ids``.
        clicks: SQL list of the actions that are clicks.

    Returns:
        whether queries have session ids, numbers of queries that are left out, and notes.
    """
    dropped: dict[str, int] = {}
    queries, without, nobodys = db.execute("""
        SELECT count(*), count(*) FILTER (session IS NULL),
               count(*) FILTER (session IS NULL AND client IS NULL AND "user" IS NULL) FROM queries
    """).fetchall()[0]
    if nobodys:
        least = db.execute(
            'SELECT min(query_id) FROM queries WHERE coalesce(session, client, "user") IS NULL'
        ).fetchall()[0][0]
        db.execute('DELETE FROM queries WHERE coalesce(session, client, "user") IS NULL')
        if options.anonymous == "drop":
            dropped["queries without a session, user or client"] = nobodys
        else:
            what = f"query {least!r} has none{of_rows(nobodys, queries)}"
            faults.add("session_id, user_id and client_id", what, "--set anonymous=drop leaves such queries out")
    if without == queries:
        db.execute('UPDATE queries SET "user" = coalesce("user", client)')
        _hash(db, options)
        note = f"no query has a session_id: sessions end after {options.idle_minutes:g} minutes without activity"
        return False, dropped, [note] if queries else []
    notes = _fill(db, options, clicks) if without > nobodys else []
    db.execute("""
        CREATE TABLE users_of AS SELECT session, min("user") AS "user" FROM queries WHERE "user" IS NOT NULL
        GROUP BY session HAVING min("user") = max("user");
        UPDATE queries SET "user" = users_of."user" FROM users_of
        WHERE queries.session = users_of.session AND queries."user" IS NULL;
        UPDATE queries SET "user" = client WHERE "user" IS NULL;
        DROP TABLE users_of
    """)
    if options.session_ids != "per-user":
        _refuse_shared(db, faults, queries)
    _hash(db, options)
    return True, dropped, notes


def _fill(db: duckdb.DuckDBPyConnection, options: UbiOptions, clicks: str) -> list[str]:
    """Gives queries without a session id that of the client's nearest query, or one of their own; says how many."""
    also = _CLICKS.format(clicks=clicks) if options.activity == "clicks" else ""
    db.execute(_FILLED.format(clicks=also, idle=round(options.idle_minutes * 60_000)))
    joined, made = db.execute("SELECT count(*) FILTER (NOT is_made), count(*) FILTER (is_made) FROM filled").fetchall()[
        0
    ]
    db.execute("""
        UPDATE queries SET session = filled.session FROM filled WHERE queries.query_id = filled.query_id;
        DROP TABLE filled
    """)
    return [
        f"{joined + made:,} queries have no session_id: {joined:,} are of the session that their client had within "
        f"{options.idle_minutes:g} minutes, {made:,} of sessions that end after such a silence"
    ]


def _refuse_shared(db: duckdb.DuckDBPyConnection, faults: Faults, total: int) -> None:
    """Takes out the queries of sessions that have several users."""
    db.execute('CREATE TABLE shared AS SELECT session FROM queries GROUP BY 1 HAVING min("user") <> max("user")')
    count, session, sessions = db.execute("""
        SELECT count(*), min(session), (SELECT count(*) FROM shared) FROM queries SEMI JOIN shared USING (session)
    """).fetchall()[0]
    if count:
        what = f"session {session!r} has two users{of_rows(count, total)}, as have {sessions:,} sessions in all"
        fix = "--set session_ids=per-user tells them apart"
        faults.rows(count, "queries of a session of several users", "session_id", what, fix)
        db.execute("DELETE FROM queries WHERE session IN (SELECT session FROM shared)")
    db.execute("DROP TABLE shared")


def _hash(db: duckdb.DuckDBPyConnection, options: UbiOptions) -> None:
    """Puts the start of an MD5 sum in the place of each user: enough to tell users apart, not to read who they are."""
    if options.user_ids == "hashed":
        db.execute('UPDATE queries SET "user" = md5("user")[:16] WHERE "user" IS NOT NULL')
