"""What each query showed, and what was clicked: the impressions and clicks of a staged event log, joined."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from bench.datasets.ingest.faults import Faults, of_rows
from bench.datasets.ingest.staging import StagedTable

_LISTED = """
CREATE TABLE listed AS
SELECT q, item, rank, {page} AS page FROM impressions JOIN queries USING (query_id) JOIN items USING (item_id)
"""

_CHAINED = """
CREATE TABLE chained AS
SELECT q, item, page,
       CASE WHEN restarted.q IS NULL THEN rank
       ELSE row_number() OVER (PARTITION BY listed.q ORDER BY page, rank) END::INTEGER AS rank
FROM listed LEFT JOIN restarted USING (q)
"""

_CLICKED_ROWS = """
CREATE TABLE clicked_rows AS
SELECT q, item, clicks.time AS time, queries.time AS asked
FROM clicks JOIN queries USING (query_id) JOIN items USING (item_id)
"""

_SHOWN = """
CREATE TABLE shown AS
SELECT q, item, rank, clicked.q IS NOT NULL AS clicked, click_time
FROM listed LEFT JOIN (
    SELECT q, item, min(time) AS click_time FROM clicked_rows GROUP BY q, item
) AS clicked USING (q, item)
"""


@dataclass
class ListCounts:
    """What became of impressions and clicks: numbers of rows.

    Attributes:
        identical: rows that are there twice, by table.
        later_clicks: clicks on an item that was clicked before, for the same query.
        orphaned_clicks: clicks on impressions that are left out.
        chained: impressions of queries whose ranks start again on each page, and were numbered on.
        from_zero: whether ranks counted from 0.
        lost: impressions and clicks that are left out for a fault of their own, by table.
    """

    identical: dict[str, int] = field(default_factory=dict)
    later_clicks: int = 0
    orphaned_clicks: int = 0
    chained: int = 0
    from_zero: bool = False
    lost: dict[str, int] = field(default_factory=dict)


def join_lists(staged: dict[str, StagedTable], db: duckdb.DuckDBPyConnection, faults: Faults) -> ListCounts:
    """Makes tables ``shown`` (q, item, rank, clicked, click_time) and ``clicked_rows`` (q, item, time, asked).

    Args:
        staged: the tables; ``queries`` has a number ``q``, ``items`` a number ``item`` (:mod:`.numbering`).
        db: their database.
        faults: gets impressions and clicks of an unknown query or item, an item or a rank twice in a query's list, and
            clicks before their query.
    """
    counts, impressions, clicks = ListCounts(), staged["impressions"], staged["clicks"]
    before = dict(faults.dropped)
    _list(impressions, staged, db, faults, counts)
    counts.lost["impressions"] = sum(faults.dropped.values()) - sum(before.values())
    before = dict(faults.dropped)
    db.execute(_CLICKED_ROWS)
    _check_clicks(clicks, impressions, db, faults, counts)
    counts.lost["clicks"] = sum(faults.dropped.values()) - sum(before.values())
    _drop_equal_ranks(impressions, db, faults, counts)
    db.execute(_SHOWN)
    matched = "SELECT count(*), count(DISTINCT (q, item)) FROM clicked_rows SEMI JOIN listed USING (q, item)"
    rows, items = db.execute(matched).fetchall()[0]
    counts.later_clicks, counts.orphaned_clicks = rows - items, _count(db, "clicked_rows") - rows
    db.execute("DROP TABLE listed")
    return counts


def _list(
    table: StagedTable,
    staged: dict[str, StagedTable],
    db: duckdb.DuckDBPyConnection,
    faults: Faults,
    counts: ListCounts,
) -> None:
    """Makes table ``listed`` (q, item, rank): an item at most once per query, ranks from 1."""
    paged = next((column for column in ("page", "time") if column in table.columns), None)
    db.execute(_LISTED.format(page="NULL::DOUBLE" if paged is None else f"impressions.{paged}"))
    listed = _count(db, "listed")
    if listed < _count(db, "impressions"):
        for column, name in (("query_id", "queries"), ("item_id", "items")):
            unknown = f"FROM impressions ANTI JOIN {name} USING ({column}) ANTI JOIN gone_{name} USING ({column})"
            if column == "item_id":  # an impression without query and item is counted once
                unknown += " SEMI JOIN queries USING (query_id)"
            rows, least = db.execute(f"SELECT count(*), min({column}) {unknown}").fetchall()[0]
            what = f"{least!r} is not in {staged[name].file.short_label}{of_rows(rows, table.rows)}"
            fix = f"every impression is of one of the {name}"
            faults.rows(rows, f"impressions without a row in {name}", table.where(column), what, fix)
    _count_from_one(table, db, faults, counts)
    once = _count(db, "(SELECT DISTINCT q, item FROM listed)")
    if once < _count(db, "listed"):
        key = "q, item, rank" if paged != "page" else "q, item, rank, page"
        db.execute(f"""
            CREATE TABLE distinct_rows AS SELECT q, item, rank, min(page) AS page FROM listed GROUP BY {key};
            DROP TABLE listed; ALTER TABLE distinct_rows RENAME TO listed
        """)
        counts.identical["impressions"] = listed - _count(db, "listed")
    if paged is not None:
        _chain_pages(db, counts)
    if once < _count(db, "listed"):
        _drop_other_ranks(table, db, faults)


def _count_from_one(table: StagedTable, db: duckdb.DuckDBPyConnection, faults: Faults, counts: ListCounts) -> None:
    """Adds 1 to all ranks where every list starts at 0; a single rank 0 is a fault."""
    zeros = db.execute("SELECT count(*) FROM listed WHERE rank = 0").fetchall()[0][0]
    if not zeros:
        return
    from_zero = "SELECT bool_and(first = 0) FROM (SELECT min(rank) AS first FROM listed GROUP BY q)"
    if db.execute(from_zero).fetchall()[0][0]:
        counts.from_zero = True
        db.execute("UPDATE listed SET rank = rank + 1")
        return
    least = "SELECT query_id FROM listed JOIN queries USING (q) WHERE rank = 0 ORDER BY 1 LIMIT 1"
    query = db.execute(least).fetchall()[0][0]
    what = f"0 for query {query!r} is not an integer from 1{of_rows(zeros, table.rows)}"
    faults.rows(zeros, "impressions of rank 0", table.where("rank"), what, "other lists start at 1")
    db.execute("DELETE FROM listed WHERE rank = 0")


def _chain_pages(db: duckdb.DuckDBPyConnection, counts: ListCounts) -> None:
    """Numbers the items of a query on where ranks start again on each page, and no page has a rank twice."""
    db.execute("""
        CREATE TABLE restarted AS
        SELECT q FROM (SELECT q, count(*) AS items, count(DISTINCT page) AS pages FROM listed GROUP BY q, rank) AS ranks
        GROUP BY q HAVING max(items) > 1 AND bool_and(items = pages)
    """)
    counts.chained = db.execute("SELECT count(*) FROM listed SEMI JOIN restarted USING (q)").fetchall()[0][0]
    if counts.chained:
        db.execute(f"{_CHAINED}; DROP TABLE listed; ALTER TABLE chained RENAME TO listed")
    db.execute("DROP TABLE restarted")


def _drop_other_ranks(table: StagedTable, db: duckdb.DuckDBPyConnection, faults: Faults) -> None:
    """An item that is shown twice to a query keeps its best rank."""
    db.execute("CREATE TABLE best AS SELECT q, item, min(rank) AS rank, count(*) AS times FROM listed GROUP BY q, item")
    rows, item, query = db.execute("""
        SELECT (SELECT sum(times - 1) FROM best), item_id, query_id
        FROM best JOIN queries USING (q) JOIN items USING (item) WHERE times > 1 ORDER BY item_id, query_id LIMIT 1
    """).fetchall()[0]
    what = f"{item!r} for query {query!r} is shown twice, at different ranks{of_rows(rows, table.rows)}"
    fix = "list an item once per query"
    faults.rows(int(rows), "impressions of an item at a second rank", table.where("item_id"), what, fix)
    db.execute("DROP TABLE listed; ALTER TABLE best RENAME TO listed")


def _drop_equal_ranks(table: StagedTable, db: duckdb.DuckDBPyConnection, faults: Faults, counts: ListCounts) -> None:
    """Of several items at one rank of a query's list none is kept."""
    db.execute(
        "CREATE TABLE equal_ranks AS SELECT q, rank, count(*) AS items FROM listed GROUP BY ALL HAVING count(*) > 1"
    )
    rows, rank, query = db.execute("""
        SELECT (SELECT coalesce(sum(items), 0) FROM equal_ranks)::BIGINT, min(rank), arg_min(query_id, (rank, query_id))
        FROM equal_ranks JOIN queries USING (q)
    """).fetchall()[0]
    what = f"{rank} for query {query!r} stands twice{of_rows(rows, table.rows)}"
    fix = "give every item of a query's list its own rank; where ranks start again on each page, add a column page"
    faults.rows(rows, "impressions of a rank that another item has", table.where("rank"), what, fix)
    if rows:
        counts.lost["impressions"] += rows
        same = "SELECT 1 FROM equal_ranks WHERE equal_ranks.q = listed.q AND equal_ranks.rank = listed.rank"
        db.execute(f"DELETE FROM listed WHERE EXISTS ({same})")
    db.execute("DROP TABLE equal_ranks")


def _check_clicks(
    table: StagedTable,
    impressions: StagedTable,
    db: duckdb.DuckDBPyConnection,
    faults: Faults,
    counts: ListCounts,
) -> None:
    """Unites identical clicks, and takes out those on items that were not shown and those before their query."""
    known = _count(db, "clicked_rows")
    db.execute("""
        CREATE TABLE distinct_rows AS SELECT DISTINCT * FROM clicked_rows;
        DROP TABLE clicked_rows; ALTER TABLE distinct_rows RENAME TO clicked_rows
    """)
    counts.identical["clicks"] = known - _count(db, "clicked_rows")
    unshown = """
        SELECT query_id, item_id FROM clicks
        ANTI JOIN gone_queries USING (query_id) ANTI JOIN gone_items USING (item_id)
        ANTI JOIN gone_impressions USING (query_id, item_id)
        ANTI JOIN (
            SELECT query_id, item_id FROM listed JOIN queries USING (q) JOIN items USING (item)
        ) AS shown USING (query_id, item_id)
    """
    if known < _count(db, "clicks") or _count(db, "(FROM clicked_rows ANTI JOIN listed USING (q, item))"):
        found = f"SELECT count(*), min(item_id), arg_min(query_id, (item_id, query_id)) FROM ({unshown})"
        rows, item, query = db.execute(found).fetchall()[0]
        what = f"{item!r} for query {query!r} was clicked, but is not in {impressions.file.short_label}"
        what, fix = what + of_rows(rows, table.rows), "a click is on an item that the query showed"
        faults.rows(rows, "clicks on items that were not shown", table.where("item_id"), what, fix)
        db.execute(f"""
            CREATE TABLE unshown AS
            SELECT q, item FROM ({unshown}) JOIN queries USING (query_id) JOIN items USING (item_id);
            DELETE FROM clicked_rows WHERE (q, item) IN (SELECT (q, item) FROM unshown);
            DROP TABLE unshown
        """)
    rows, item, query = db.execute("""
        SELECT count(*), min(item_id), arg_min(query_id, (item_id, query_id))
        FROM clicked_rows JOIN queries USING (q) JOIN items USING (item) WHERE clicked_rows.time < asked
    """).fetchall()[0]
    what = f"{item!r} for query {query!r} was clicked before the query was asked{of_rows(rows, table.rows)}"
    faults.rows(rows, "clicks before their query", table.where("time"), what, "check clocks and time zones")
    if rows:
        db.execute("DELETE FROM clicked_rows WHERE time < asked")


def _count(db: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(db.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])
