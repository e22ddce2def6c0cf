"""Layout 2, ``ranking_data``: the downstream sample, with users, times, shown and clicked items, texts as vectors.

It makes tables ``q2`` (queries), ``clicks`` and ``lists`` (shown items in order). The files have a text only as its
vector, so each distinct vector becomes one word: its name is ``text:`` and a digest, its word vector is that vector.
"""

from __future__ import annotations

from bench.datasets.mmsession.files import CATEGORIES
from bench.datasets.mmsession.pretraining import kind_report, known_splits
from bench.datasets.mmsession.staging import Staging
from bench.errors import BenchError

_NONE = """
CREATE TABLE q2 (n BIGINT, session_id VARCHAR, query_id VARCHAR, kind INTEGER, text VARCHAR, user_id VARCHAR,
                 time BIGINT, split INTEGER);
CREATE TABLE clicks (n BIGINT, session_id VARCHAR, query_id VARCHAR, item_id VARCHAR, text VARCHAR, time BIGINT,
                     category VARCHAR);
CREATE TABLE lists (query_id VARCHAR, item_id VARCHAR, position BIGINT)
"""


def stage_ranking(staging: Staging, category: str) -> None:
    """Reads the files of the layout; without them its tables are empty.

    Raises:
        BenchError: a file is broken, a query is there twice with different contents, a split is unknown, or no row is
            of this category.
    """
    if "query_table" not in staging.tables:
        for statement in _NONE.split(";"):
            staging.run(statement)
        return
    _queries(staging, category)
    _clicks(staging)
    _lists(staging)


def _queries(staging: Staging, category: str) -> None:
    staging.load("query_table", unique=("session_id", "query_id"))
    _of_category(staging, category)
    known_splits(staging, "query_table")
    kind_report(staging, "query_table")
    staging.run(
        """CREATE TABLE q2 AS
           SELECT rowid AS n, session_id, query_id, coalesce(kind_code(query_type), 0) AS kind,
                  CASE WHEN NOT blank(query_emb) THEN digest(query_emb) END AS text,
                  CASE WHEN NOT blank(user_id) THEN trim(user_id) END AS user_id,
                  milliseconds(trim(start_time)) AS time, split_code(split) AS split
           FROM query_table"""
    )
    staging.count("ranking_queries_without_text", "SELECT count(*) FROM q2 WHERE text IS NULL")
    staging.count("ranking_queries_without_time", "SELECT count(*) FROM q2 WHERE time IS NULL")
    staging.count(
        "sessions_with_several_users",
        "SELECT count(*) FROM (SELECT 1 FROM q2 GROUP BY session_id HAVING count(DISTINCT user_id) > 1)",
    )


def _of_category(staging: Staging, category: str) -> None:
    """Keeps the rows of one category, where column ``category`` names the three datasets; leaf categories are kept."""
    names = {str(name) for (name,) in staging.rows("SELECT DISTINCT lower(trim(category)) FROM query_table")}
    if not names & set(CATEGORIES):
        staging.report["ranking_queries_of_other_categories"] = 0
        return
    of_category = f"coalesce(lower(trim(category)), '') = '{category}'"
    staging.count("ranking_queries_of_other_categories", f"SELECT count(*) FROM query_table WHERE NOT ({of_category})")
    if category not in names:
        fix = f"set category to one of {', '.join(sorted(names & set(CATEGORIES)))}"
        raise BenchError(f"no row of category {category}", where=staging.where("query_table"), fix=fix)
    staging.keep("query_table", of_category)


def _clicks(staging: Staging) -> None:
    staging.load("click_table")
    staging.run(
        """CREATE TABLE clicks AS
           SELECT rowid AS n, session_id, query_id, trim(item_id) AS item_id,
                  CASE WHEN NOT blank(title_emb) THEN digest(title_emb) END AS text,
                  milliseconds(trim(time_stamp)) AS time, nullif(trim(category), '') AS category
           FROM click_table WHERE NOT blank(item_id)"""
    )
    staging.count("clicks_unnamed", "SELECT count(*) FROM click_table WHERE blank(item_id)")
    staging.count("clicks_without_time", "SELECT count(*) FROM clicks WHERE time IS NULL")
    staging.count("clicks_of_unknown_queries", "SELECT count(*) FROM clicks ANTI JOIN q2 USING (session_id, query_id)")


def _lists(staging: Staging) -> None:
    staging.load("pv_table")
    # Several rows of a query are read as its result pages, in the order of the file.
    staging.run(
        r"""CREATE TABLE lists AS
            WITH pages AS (
                SELECT rowid AS n, query_id,
                       regexp_extract_all(item_list, '[^][(){}\s,;|''"]+') AS items
                FROM pv_table SEMI JOIN q2 ON pv_table.query_id = q2.query_id),
            shown AS (SELECT n, query_id, unnest(items) AS item_id, generate_subscripts(items, 1) AS i FROM pages)
            SELECT query_id, item_id, min(n * 1000000 + i) AS position FROM shown GROUP BY query_id, item_id"""
    )
    staging.count(
        "lists_of_unknown_queries",
        "SELECT count(*) FROM pv_table ANTI JOIN q2 ON pv_table.query_id = q2.query_id",
    )
    staging.count("ranking_queries_without_list", "SELECT count(*) FROM q2 ANTI JOIN lists USING (query_id)")
    staging.count(
        "queries_with_several_lists",
        "SELECT count(*) FROM (SELECT 1 FROM pv_table GROUP BY query_id HAVING count(*) > 1)",
    )
    staging.run("DROP TABLE pv_table")
