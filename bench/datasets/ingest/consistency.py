"""Whether the tables of a staged event log agree with each other, and impressions with their clicks."""

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
    """Raises if a value of ``column`` stands twice."""
    twice = f"SELECT {column} FROM {table.name} GROUP BY 1 HAVING count(*) > 1"
    _raise_first(table, column, twice, "stands twice", "keep one of them")


def check_vectors(table: StagedTable) -> int:
    """Width of the vectors; raises where they differ in it, or hold a NaN or an infinity."""
    shortest, longest = table.db.execute(f"SELECT min(len(vector)), max(len(vector)) FROM {table.name}").fetchall()[0]
    key = "image_id" if table.name == "images" else "word"
    if shortest != longest:
        odd = f"SELECT {key}, len(vector) FROM {table.name} WHERE len(vector) = {shortest}"
        what, fix = f"of {shortest} numbers, where others have {longest}", "all vectors need the same length"
        _raise_first(table, "vector", f"SELECT {key} FROM ({odd})", what, fix)
    # A sum is finite only if all its parts are; in doubles, floats cannot overflow it.
    odd = f"SELECT {key} FROM {table.name} WHERE NOT isfinite(list_sum(vector::DOUBLE[]))"
    _raise_first(table, "vector", odd, "has a value that is not finite", "remove NaN and infinity")
    return int(shortest)


def join_impressions(staged: dict[str, StagedTable], db: duckdb.DuckDBPyConnection) -> int:
    """Makes ``shown`` (q, item, rank, clicked, click_time): impressions with their clicks, ids replaced by numbers.

    Expects ``queries`` with a number ``q`` and ``items`` with a number ``item``.

    Returns:
        how many clicks only repeat one on the same item for the same query; the first of them counts.

    Raises:
        BenchError: an impression or a click of something that is not there, an item or a rank twice in a query's
            list, or a click before its query.
    """
    impressions, clicks = staged["impressions"], staged["clicks"]
    db.execute(_CLICKED)
    db.execute(_SHOWN)
    if db.execute("SELECT count(*) FROM shown").fetchall()[0][0] != impressions.rows:
        for column, other in (("query_id", "queries"), ("item_id", "items")):
            unknown = f"SELECT {column} FROM impressions ANTI JOIN {other} USING ({column})"
            fix = f"every impression is of one of the {other}"
            _raise_first(impressions, column, unknown, f"is not in {staged[other].path.name}", fix)

    named = "JOIN queries USING (q) JOIN items USING (item)"
    items = f"SELECT item_id, query_id FROM (SELECT q, item FROM shown GROUP BY ALL HAVING count(*) > 1) {named}"
    _raise_first(impressions, "item_id", items, "is shown twice", "list an item once per query")
    ranks = "(SELECT q, rank FROM shown GROUP BY ALL HAVING count(*) > 1)"
    ranks = f"SELECT rank, query_id FROM {ranks} JOIN queries USING (q)"
    _raise_first(impressions, "rank", ranks, "stands twice", "an item has its own place in a query's list")

    known, distinct, matched = db.execute(_CLICK_COUNTS).fetchall()[0]
    if known != clicks.rows or distinct != matched:
        what, fix = f"was clicked, but is not in {impressions.path.name}", "a click is on an item that the query showed"
        _raise_first(clicks, "item_id", _CLICKED_UNSHOWN, what, fix)
    early = f"SELECT item_id, query_id FROM (SELECT q, item FROM clicked WHERE click_time < asked) {named}"
    _raise_first(clicks, "time", early, "was clicked before the query was asked", "check clocks and time zones")
    return int(known - distinct)


def _raise_first(table: StagedTable, column: str, bad: str, what: str, fix: str) -> None:
    """Raises the first row of ``bad`` (a value, and maybe the query it belongs to): first by value, not by place, so
    that the message does not depend on the order of the file."""
    for value, *query in table.db.execute(f"SELECT * FROM ({bad}) ORDER BY ALL LIMIT 1").fetchall():
        of = f" for query {query[0]!r}" if query else ""
        raise BenchError(f"{value!r}{of} {what}", where=table.where(column), fix=fix)
