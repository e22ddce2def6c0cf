"""What each query showed: the items of its impressions, or where it has none the ids of its hits."""

from __future__ import annotations

import duckdb

from bench.datasets.ingest.faults import Faults, of_rows
from bench.datasets.ingest.words_sql import separated_list

_SEEN = """
CREATE TABLE seen AS
SELECT query_id, queries.application AS application, object AS item, min(ordinal) AS ordinal, min(events.time) AS time
FROM events JOIN queries USING (query_id)
WHERE action IN ({impressions}) AND object IS NOT NULL GROUP BY ALL
"""

_COUNTING = """
CREATE TABLE counting AS
SELECT application, CASE WHEN count(*) FILTER (first = 0) >= greatest(1, count(*) FILTER (first = 1))
                         THEN 0 ELSE 1 END AS counts_from
FROM (SELECT application, query_id, min(ordinal) AS first FROM seen GROUP BY ALL) WHERE first IS NOT NULL
GROUP BY application
"""

_RANKED = """
CREATE TABLE shown AS
WITH renumbered AS (
    SELECT query_id FROM seen GROUP BY query_id HAVING count(DISTINCT ordinal) < count(*)
)
SELECT query_id, item, CASE WHEN renumbered.query_id IS NULL THEN ordinal + 1 - counts_from
       ELSE row_number() OVER (PARTITION BY seen.query_id ORDER BY ordinal NULLS LAST, time, item) END::INTEGER AS rank
FROM seen LEFT JOIN renumbered USING (query_id)
LEFT JOIN counting ON seen.application IS NOT DISTINCT FROM counting.application
"""

_HITS = """
INSERT INTO shown
WITH pages AS (
    SELECT query_id, requests.time AS time, {ids} AS ids
    FROM requests JOIN queries USING (query_id) ANTI JOIN (SELECT query_id FROM seen) USING (query_id)
    WHERE hits IS NOT NULL AND (requests.asked = queries.asked OR requests.asked IS NULL OR queries.asked IS NULL)
), places AS (
    SELECT query_id, time, unnest(ids) AS item, unnest(range(len(ids))) AS place FROM pages
), firsts AS (
    SELECT query_id, trim(item) AS item, min((time, place)) AS place FROM places WHERE trim(item) <> '' GROUP BY ALL
)
SELECT query_id, item, row_number() OVER (PARTITION BY query_id ORDER BY place, item)::INTEGER FROM firsts
"""


def join_shown(
    db: duckdb.DuckDBPyConnection, faults: Faults, impressions: str
) -> tuple[dict[str, int], list[str], list[str]]:
    """Makes table ``shown`` (query_id, item, rank), ranks from 1 and an item at most once per query.

    An ordinal is a rank where no two items of a query share one; where they do (a page was listed again under the same
    query) or one has none, the query's items are numbered in the order of ordinals, then times.

    Args:
        db: the database, with ``queries``, ``requests`` and ``events``.
        faults: gets ordinals 0 where the application's other lists count from 1.
        impressions: SQL list of the actions that are impressions.

    Returns:
        numbers of impressions that are left out by reason, notes and warnings.
    """
    all_seen, loose, of_none = db.execute(f"""
        SELECT count(*), count(*) FILTER (query_id IS NULL OR object IS NULL),
               count(*) FILTER (object IS NOT NULL AND query_id NOT IN (SELECT query_id FROM queries))
        FROM events WHERE action IN ({impressions})
    """).fetchall()[0]
    db.execute(_SEEN.format(impressions=impressions))
    items = _count(db, "seen")
    dropped = {
        "impressions without a query_id or object_id": loose,
        "impressions of queries that are left out": of_none,
        "impressions of an item that its query showed before": all_seen - loose - of_none - items,
    }
    db.execute(_COUNTING)
    notes = _say_counting(db)
    _refuse_zeros(db, faults, all_seen)
    warnings = _say_ties(db)
    db.execute(_RANKED)
    db.execute(_HITS.format(ids=separated_list("trim(hits)")))
    by_hits = db.execute("SELECT count(DISTINCT query_id) FROM shown ANTI JOIN seen USING (query_id)").fetchall()[0][0]
    if by_hits:
        notes.append(f"{by_hits:,} queries have no impressions: their query_response_hit_ids are what they showed")
    db.execute("DROP TABLE seen; DROP TABLE counting")
    return dropped, notes, warnings


def _say_counting(db: duckdb.DuckDBPyConnection) -> list[str]:
    """Where ordinals count from, application by application where it differs."""
    found = db.execute("SELECT counts_from, list(application ORDER BY application) FROM counting GROUP BY 1 ORDER BY 1")
    rows = found.fetchall()
    if len(rows) == 1:
        return [f"ordinals count from {rows[0][0]}" + ("; 1 was added to each" if rows[0][0] == 0 else "")]
    return [f"ordinals count from {first} in {', '.join(map(str, names))}" for first, names in rows]


def _refuse_zeros(db: duckdb.DuckDBPyConnection, faults: Faults, total: int) -> None:
    """Takes out impressions of ordinal 0 of applications that count from 1."""
    zeros = "FROM seen JOIN counting ON seen.application IS NOT DISTINCT FROM counting.application"
    zeros += " WHERE ordinal = 0 AND counts_from = 1"
    count, query = db.execute(f"SELECT count(*), min(query_id) {zeros}").fetchall()[0]
    what = f"ordinal 0 of query {query!r}, where others count from 1{of_rows(count, total)}"
    faults.rows(count, "impressions of ordinal 0 where others count from 1", "event_attributes.position.ordinal", what)
    if count:
        db.execute("""
            DELETE FROM seen WHERE ordinal = 0
            AND coalesce(application, '') IN (SELECT coalesce(application, '') FROM counting WHERE counts_from = 1)
        """)


def _say_ties(db: duckdb.DuckDBPyConnection) -> list[str]:
    """Says how many impressions share their ordinal or have none."""
    tied, queries, without = db.execute("""
        SELECT coalesce(sum(items - places), 0)::BIGINT, count(*) FILTER (items > places),
               coalesce(sum(without), 0)::BIGINT
        FROM (SELECT count(ordinal) AS items, count(DISTINCT ordinal) AS places, count(*) - count(ordinal) AS without
              FROM seen GROUP BY query_id)
    """).fetchall()[0]
    warnings = []
    if tied:
        warnings.append(
            f"{tied:,} impressions of {queries:,} queries have an ordinal that another item of their query has: the "
            "items are numbered by ordinal, then time; is one query_id used for several lists?"
        )
    if without:
        warnings.append(f"{without:,} impressions have no ordinal and stand after the others, by time")
    return warnings


def _count(db: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(db.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])
