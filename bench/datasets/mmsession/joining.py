"""The two layouts joined: sessions by their ids, steps in order, impressions and clicks.

It makes tables ``sessions``, ``step``, ``renamed``, ``items`` and ``shown``, with rows numbered as in the corpus.
"""

from __future__ import annotations

from bench.datasets.mmsession.staging import Staging
from bench.errors import BenchError


def join_steps(staging: Staging) -> None:
    """Makes tables ``sessions`` (one row each, in file order) and ``step`` (q, session, …, in session order).

    Steps are in the order of their times where all steps of a session have one, as in the ranking data, else in the
    order of ``session.csv``.

    Raises:
        BenchError: no session has a query that a file describes.
    """
    # Layout 1 has a query's words and image, layout 2 its user, time and list.
    staging.run(
        """CREATE TABLE every AS
           WITH both_ AS (
               SELECT n AS n1, NULL::BIGINT AS n2, session_id, query_id, position FROM named
               UNION ALL
               SELECT NULL, n, session_id, query_id, NULL FROM q2 ANTI JOIN named USING (session_id, query_id))
           SELECT both_.n1, coalesce(both_.n2, q2.n) AS n2, session_id, query_id, position,
                  q1.query_id IS NOT NULL OR q2.query_id IS NOT NULL AS known, coalesce(q1.kind, q2.kind) AS kind,
                  coalesce(q1.words, []) AS words, q1.image,
                  CASE WHEN q1.query_id IS NULL THEN q2.text END AS text, q2.user_id, q2.time, q2.split,
                  q2.query_id IS NOT NULL AS ranked
           FROM both_ LEFT JOIN q1 USING (query_id) LEFT JOIN q2 USING (session_id, query_id)"""
    )
    staging.count("steps_of_unknown_queries", "SELECT count(*) FROM every WHERE NOT known")
    staging.run("DELETE FROM every WHERE NOT known")
    staging.count("sessions_without_known_query", "SELECT count(*) FROM s1 ANTI JOIN every USING (session_id)")
    staging.run(
        """CREATE TABLE sessions AS
           WITH grouped AS (
               SELECT session_id, min(n1) AS n1, min(n2) AS n2, min(user_id) AS user_id, min(time) AS start,
                      max(every.split) AS split2, bool_or(ranked) AS downstream, count(*) AS steps,
                      count(time) = count(*) AS timed
               FROM every GROUP BY session_id)
           SELECT row_number() OVER (ORDER BY grouped.n1 NULLS LAST, n2) - 1 AS row, session_id, user_id, start,
                  greatest(s1.split, split2) AS split, s1.split <> split2 AS conflict, downstream, steps, timed,
                  n1 IS NOT NULL AND downstream AS joined
           FROM grouped LEFT JOIN s1 USING (session_id)"""
    )
    if not staging.number("SELECT count(*) FROM sessions"):
        raise BenchError("no session has a query that is in the files", fix="the files may be of different categories")
    staging.count("sessions_with_one_query", "SELECT count(*) FROM sessions WHERE steps = 1")
    staging.count("sessions_in_both_layouts", "SELECT count(*) FROM sessions WHERE joined")
    staging.count("sessions_split_differently", "SELECT count(*) FROM sessions WHERE conflict")
    staging.run(
        """CREATE TABLE step AS
           SELECT row_number() OVER (ORDER BY row, CASE WHEN timed THEN time END, position NULLS LAST, n2) - 1 AS q,
                  row AS session, every.session_id, query_id, kind, words, image, text, time, ranked
           FROM every JOIN sessions USING (session_id)"""
    )
    staging.run("DROP TABLE every")
    _rename(staging)


def _rename(staging: Staging) -> None:
    """Makes table ``renamed`` (q, query_id): the second step of a query id gets ``#2``, and so on.

    In a corpus a query id names one step; in the released files several sessions may share one.
    """
    staging.run(
        """CREATE TABLE renamed AS
           WITH shared AS (SELECT query_id FROM step GROUP BY query_id HAVING count(*) > 1),
           numbered AS (
               SELECT q, query_id, row_number() OVER (PARTITION BY query_id ORDER BY q) AS i
               FROM step SEMI JOIN shared USING (query_id))
           SELECT q, query_id || '#' || i AS query_id FROM numbered WHERE i > 1"""
    )
    staging.count("steps_of_repeated_query_ids", "SELECT count(*) FROM renamed")


def join_items(staging: Staging) -> None:
    """Makes tables ``shown`` (q, item, rank, clicked, time) and ``items``.

    The clicks of layout 1 name a session and no query, so they are recorded at the last step of their session; for a
    session of both layouts the click table of layout 2 is used alone. A clicked item that is not in the list shown
    follows the list.

    Raises:
        BenchError: no item was shown or clicked.
    """
    staging.run(
        """CREATE TABLE target AS
           SELECT session_id, query_id, min(q) AS q, arg_min(time, q) AS asked FROM step WHERE ranked GROUP BY ALL"""
    )
    staging.run(
        """CREATE TABLE listed AS
           SELECT q, item_id, position, false AS clicked, NULL::BIGINT AS time FROM lists JOIN target USING (query_id)
           UNION ALL
           SELECT q, item_id, 4000000000000000000 + n, true, CASE WHEN time >= coalesce(asked, time) THEN time END
           FROM clicks JOIN target USING (session_id, query_id)
           UNION ALL
           SELECT last, item_id, n, true, NULL FROM session_clicks
           JOIN (SELECT session_id, max(q) AS last FROM step GROUP BY session_id) USING (session_id)
           JOIN sessions USING (session_id) WHERE NOT downstream"""
    )
    staging.count(
        "click_times_before_query",
        "SELECT count(*) FROM clicks JOIN target USING (session_id, query_id) WHERE time < asked",
    )
    staging.count(
        "clicks_not_in_the_list",
        """SELECT count(*) FROM (SELECT 1 FROM listed WHERE q IN (SELECT q FROM target)
           GROUP BY q, item_id HAVING NOT bool_or(NOT clicked))""",
    )
    staging.count(
        "session_clicks_on_the_last_step",
        "SELECT count(*) FROM session_clicks JOIN sessions USING (session_id) WHERE NOT downstream",
    )
    staging.count(
        "session_clicks_left_to_click_table",
        "SELECT count(*) FROM session_clicks JOIN sessions USING (session_id) WHERE downstream",
    )
    staging.run(
        """CREATE TABLE items AS
           WITH known AS (SELECT DISTINCT item_id FROM listed),
           titled AS (
               SELECT item_id, arg_min(text, n) AS text, arg_min(category, n) AS category FROM clicks GROUP BY item_id)
           SELECT row_number() OVER (ORDER BY item_id) - 1 AS row, item_id, text, category
           FROM known LEFT JOIN titled USING (item_id)"""
    )
    if not staging.number("SELECT count(*) FROM items"):
        raise BenchError("no item was shown or clicked in any session", fix="the files may be of different categories")
    staging.count("items_without_title", "SELECT count(*) FROM items WHERE text IS NULL")
    staging.run(
        """CREATE TABLE shown AS
           WITH merged AS (
               SELECT q, item_id, min(position) AS position, bool_or(clicked) AS clicked, min(time) AS time
               FROM listed GROUP BY q, item_id)
           SELECT q, items.row AS item, row_number() OVER (PARTITION BY q ORDER BY position) AS rank, clicked, time
           FROM merged JOIN items USING (item_id) ORDER BY q, rank"""
    )
    staging.run("DROP TABLE listed")
