"""Layout 1, ``graph_pretrain``: all sessions with word ids and image vectors; no users, times or shown items.

It makes tables ``s1`` (sessions), ``named`` (the query ids of each session, in order), ``q1`` (queries),
``session_clicks`` and ``images``.
"""

from __future__ import annotations

from bench.datasets.mmsession.staging import Staging
from bench.errors import BenchError

_NONE = """
CREATE TABLE named (n BIGINT, session_id VARCHAR, query_id VARCHAR, position BIGINT);
CREATE TABLE s1 (n BIGINT, session_id VARCHAR, split INTEGER);
CREATE TABLE q1 (n BIGINT, query_id VARCHAR, kind INTEGER, words BIGINT[], image VARCHAR);
CREATE TABLE session_clicks (n BIGINT, session_id VARCHAR, item_id VARCHAR)
"""


def stage_pretraining(staging: Staging) -> None:
    """Reads the files of the layout; without them its tables are empty.

    Raises:
        BenchError: a file is broken, an id is there twice with different contents, or a split is unknown.
    """
    if "session" not in staging.tables:
        for statement in _NONE.split(";"):
            staging.run(statement)
        return
    _sessions(staging)
    _queries(staging)
    _clicks(staging)


def known_splits(staging: Staging, kind: str) -> None:
    """Checks that every row of a file is of a known split.

    Args:
        staging: the database.
        kind: the file's kind, which is also its table.

    Raises:
        BenchError: names the first row that is not, and the number of such rows.
    """
    unknown = staging.rows(
        f"""SELECT rowid, split, count(*) OVER () FROM {kind} WHERE split_code(split) IS NULL
            ORDER BY rowid LIMIT 1"""
    )
    for row, split, count in unknown:
        more = f" ({count} such rows)" if count > 1 else ""
        raise BenchError(f"unknown split {split!r}{more}", where=staging.where(kind, row), fix="train or test")


def kind_report(staging: Staging, kind: str) -> None:
    """Reports the counts of a file's unknown query types, the twenty most frequent ones by name."""
    unknown = staging.rows(
        f"""SELECT coalesce(query_type, ''), count(*) FROM {kind} WHERE kind_code(query_type) IS NULL
            GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20"""
    )
    staging.report[f"{kind}_unknown_query_types"] = {name or "(empty)": count for name, count in unknown}


def _sessions(staging: Staging) -> None:
    staging.load("session", unique=("session_id",))
    known_splits(staging, "session")
    staging.run("CREATE TABLE s1 AS SELECT rowid AS n, session_id, split_code(split) AS split FROM session")
    staging.run(
        """CREATE TABLE named AS
           WITH listed AS (SELECT rowid AS n, session_id, string_split(bare(query_id), ',') AS ids FROM session)
           SELECT n, session_id, trim(unnest(ids), ' ''"') AS query_id, generate_subscripts(ids, 1) AS position
           FROM listed"""
    )
    staging.run("DROP TABLE session")


def _queries(staging: Staging) -> None:
    staging.load("query2", unique=("query_id",))
    kind_report(staging, "query2")
    # A type that the readme doesn't name is read by what the row holds. Images of keyword queries play no role.
    staging.run(
        """CREATE TABLE q1 AS
           WITH typed AS (
               SELECT *, rowid AS n, coalesce(kind_code(query_type), (NOT blank(image_emb))::INTEGER) AS kind
               FROM query2)
           SELECT n, query_id, kind,
                  CASE WHEN blank(word_id) THEN [] ELSE TRY_CAST('[' || bare(word_id) || ']' AS BIGINT[]) END AS words,
                  CASE WHEN kind = 1 AND NOT blank(image_emb) THEN md5(unbracketed(image_emb)) END AS image
           FROM typed"""
    )
    staging.count("queries_without_words", "SELECT count(*) FROM q1 WHERE len(words) = 0")
    staging.count(
        "queries_with_unreadable_words", "SELECT count(*) FROM q1 WHERE words IS NULL OR list_count(words) < len(words)"
    )
    staging.count("product_queries_without_image", "SELECT count(*) FROM q1 WHERE kind = 1 AND image IS NULL")
    staging.count(
        "keyword_queries_with_image",
        "SELECT count(*) FROM query2 WHERE kind_code(query_type) = 0 AND NOT blank(image_emb)",
    )
    staging.count("queries_in_no_session", "SELECT count(*) FROM q1 ANTI JOIN named USING (query_id)")


def stage_images(staging: Staging) -> None:
    """Makes table ``images`` (key, row, vector): the distinct images of steps, in the order of ``query2``.

    Raises:
        BenchError: vectors of different widths.
    """
    if "query2" not in staging.tables:
        staging.run("CREATE TABLE images (key VARCHAR, row BIGINT, n BIGINT, vector TINYINT[])")
        return
    # A fraction would be rounded to a whole number in silence, so it counts as unreadable.
    staging.run(
        r"""CREATE TABLE image_text AS
            WITH used AS (
                SELECT image AS key, min(n) AS n FROM q1 SEMI JOIN step ON step.query_id = q1.query_id
                WHERE image IS NOT NULL GROUP BY image)
            SELECT used.key, used.n, TRY_CAST(string_split(unbracketed(image_emb), ',') AS TINYINT[]) AS vector,
                   contains(image_emb, '.') AND regexp_matches(image_emb, '\.0*[1-9]') AS fraction
            FROM query2 JOIN used ON query2.rowid = used.n"""
    )
    sound = "vector IS NOT NULL AND list_count(vector) = len(vector) AND NOT fraction"
    staging.count("images_unreadable", f"SELECT count(*) FROM image_text WHERE NOT coalesce({sound}, false)")
    staging.run(
        f"""CREATE TABLE images AS SELECT key, row_number() OVER (ORDER BY n) - 1 AS row, n, vector
            FROM image_text WHERE {sound}"""
    )
    staging.run("DROP TABLE image_text")
    staging.run("DROP TABLE query2")


def _clicks(staging: Staging) -> None:
    staging.load("session_click")
    staging.run(
        """CREATE TABLE session_clicks AS
           SELECT min(rowid) AS n, session_id, trim(item_id) AS item_id FROM session_click
           WHERE NOT blank(session_id) AND NOT blank(item_id) GROUP BY ALL"""
    )
    staging.count(
        "session_clicks_unnamed", "SELECT count(*) FROM session_click WHERE blank(session_id) OR blank(item_id)"
    )
    staging.count(
        "session_clicks_of_unknown_sessions", "SELECT count(*) FROM session_clicks ANTI JOIN s1 USING (session_id)"
    )
    staging.run("DROP TABLE session_click")
