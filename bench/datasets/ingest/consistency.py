"""Checks of a staged event log across its rows and tables: ids are unique, vectors alike, clicks among impressions."""

from __future__ import annotations

import duckdb

from bench.datasets.ingest.staging import StagedTable
from bench.errors import BenchError

_CLICKED = """
CREATE TABLE clicked AS
SELECT q, item, min(clicks.time)::BIGINT AS click_time, count(*) AS times, min(queries.time) AS asked
FROM clicks JOIN queries USING (query_id) JOIN items USING (item_id)
GROUP BY q, item
"""

_SHOWN = """
CREATE TABLE shown AS
SELECT q, item, rank, clicked.q IS NOT NULL AS clicked, click_time
FROM (SELECT q, item, rank FROM impressions JOIN queries USING (query_id) JOIN items USING (item_id)) AS impression
LEFT JOIN clicked USING (q, item)
"""

_CLICK_COUNTS = """
SELECT coalesce(sum(times), 0), count(*), (SELECT count(*) FROM shown WHERE clicked) FROM clicked
"""

_CLICKED_UNSHOWN = """
SELECT item_id, query_id FROM (
    SELECT query_id, item_id FROM clicks EXCEPT SELECT query_id, item_id FROM impressions
)
"""


def check_unique(table: StagedTable, column: str) -> None:
    """Checks that no two rows share a value of ``column``.

    Raises:
        BenchError: names the least value that is repeated.
    """
    repeated = f"SELECT {column} FROM {table.name} GROUP BY 1 HAVING count(*) > 1"
    _raise_first(table, column, repeated, "stands twice", "keep one of them")


def check_vectors(table: StagedTable) -> int:
    """Checks that the vectors of a table have one width and finite values.

    Returns:
        the width.

    Raises:
        BenchError: names the image or word of a vector that is shorter than others, or has a NaN or an infinity.
    """
    shortest, longest = table.db.execute(f"SELECT min(len(vector)), max(len(vector)) FROM {table.name}").fetchall()[0]
    key = "image_id" if table.name == "images" else "word"
    if shortest != longest:
        short = f"SELECT {key} FROM {table.name} WHERE len(vector) = {shortest}"
        what, fix = f"of {shortest} numbers, where others have {longest}", "all vectors need the same length"
        _raise_first(table, "vector", short, what, fix)
    # A sum is finite only if all its terms are; in doubles, floats cannot overflow it.
    not_finite = f"SELECT {key} FROM {table.name} WHERE NOT isfinite(list_sum(vector::DOUBLE[]))"
    _raise_first(table, "vector", not_finite, "has a value that is not finite", "remove NaN and infinity")
    return int(shortest)


def join_impressions(staged: dict[str, StagedTable], db: duckdb.DuckDBPyConnection) -> int:
    """Makes table ``shown`` (q, item, rank, clicked, click_time): impressions with their clicks, ids as row numbers.

    Args:
        staged: the tables; ``queries`` has a number ``q``, ``items`` a number ``item`` (:mod:`.numbering`).
        db: their database.

    Returns:
        number of clicks that repeat an earlier one on the same item for the same query; the first one counts.

    Raises:
        BenchError: an impression or a click of an unknown query or item, an item or a rank twice in a query's list,
            or a click before its query.
    """
    impressions, clicks = staged["impressions"], staged["clicks"]
    db.execute(_CLICKED)
    db.execute(_SHOWN)
    if db.execute("SELECT count(*) FROM shown").fetchall()[0][0] != impressions.rows:
        for column, table in (("query_id", "queries"), ("item_id", "items")):
            unknown = f"SELECT {column} FROM impressions ANTI JOIN {table} USING ({column})"
            fix = f"every impression is of one of the {table}"
            _raise_first(impressions, column, unknown, f"is not in {staged[table].path.name}", fix)

    with_ids = "JOIN queries USING (q) JOIN items USING (item)"
    items = f"SELECT item_id, query_id FROM (SELECT q, item FROM shown GROUP BY ALL HAVING count(*) > 1) {with_ids}"
    _raise_first(impressions, "item_id", items, "is shown twice", "list an item once per query")
    ranks = "(SELECT q, rank FROM shown GROUP BY ALL HAVING count(*) > 1)"
    ranks = f"SELECT rank, query_id FROM {ranks} JOIN queries USING (q)"
    _raise_first(impressions, "rank", ranks, "stands twice", "give every item of a query's list its own rank")

    known, distinct, matched = db.execute(_CLICK_COUNTS).fetchall()[0]
    if known != clicks.rows or distinct != matched:
        what, fix = f"was clicked, but is not in {impressions.path.name}", "a click is on an item that the query showed"
        _raise_first(clicks, "item_id", _CLICKED_UNSHOWN, what, fix)
    early = f"SELECT item_id, query_id FROM (SELECT q, item FROM clicked WHERE click_time < asked) {with_ids}"
    _raise_first(clicks, "time", early, "was clicked before the query was asked", "check clocks and time zones")
    return int(known - distinct)


def _raise_first(table: StagedTable, column: str, wrong: str, what: str, fix: str) -> None:
    """Raises an error about the least value that the query ``wrong`` selects, if it selects any, and their number.

    ``wrong`` selects a value of ``column`` and, optionally, the id of its query. The least value is named rather than
    the first in the file, so that the message does not depend on the order of rows.
    """
    least = table.db.execute(f"SELECT *, count(*) OVER () FROM ({wrong}) ORDER BY ALL LIMIT 1").fetchall()
    for value, *query, count in least:
        of_query = f" for query {query[0]!r}" if query else ""
        more = f" ({count} such cases)" if count > 1 else ""
        raise BenchError(f"{value!r}{of_query} {what}{more}", where=table.where(column), fix=fix)
