"""Row numbers in place of the ids of a staged event log: items, images, words."""

from __future__ import annotations

import duckdb

from bench.datasets.ingest.faults import Faults, of_rows
from bench.datasets.ingest.id_order import id_order
from bench.datasets.ingest.staging import StagedTable
from bench.errors import BenchError

_ITEMS = """
CREATE TABLE numbered_items AS
SELECT row_number() OVER (ORDER BY {order}) - 1 AS item, items.*, known.picture
FROM items LEFT JOIN known_images AS known ON items.{key} = known.image_id
"""

_QUERIES = """
CREATE TABLE numbered_queries AS
SELECT row_number() OVER (ORDER BY {order}) AS q, queries.*, coalesce(known.picture, item.picture) AS picture
FROM queries
LEFT JOIN known_images AS known ON queries.image = known.image_id
LEFT JOIN items AS item ON queries.image = item.item_id
"""

_USED_WORDS = """
CREATE TABLE used_words AS
SELECT DISTINCT unnest(words) AS word FROM (
    SELECT words FROM queries SEMI JOIN steps USING (q) UNION ALL SELECT words FROM items
)
"""


def number_images(
    staged: dict[str, StagedTable], db: duckdb.DuckDBPyConnection, faults: Faults, *, drop: bool
) -> dict[str, int]:
    """Adds the numbers ``item`` and ``picture`` to table ``items``, and ``q`` and ``picture`` to ``queries``.

    ``picture`` is the number of an image that has a vector, in the order of image ids; null without one. A query's
    image is given as an image id, or as the id of the item that has it. Items and queries are numbered in the order of
    their ids (:mod:`.id_order`).

    Args:
        staged: the tables.
        db: their database.
        faults: gets images without a vector, unless ``drop``.
        drop: whether an image without a vector becomes null.

    Returns:
        numbers of queries and of items whose image has no vector.
    """
    ids = "SELECT image_id, row_number() OVER (ORDER BY image_id) - 1 AS picture FROM images"
    none = "SELECT NULL::VARCHAR AS image_id, NULL::BIGINT AS picture WHERE false"
    db.execute(f"CREATE TABLE known_images AS {ids if 'images' in staged else none}")
    key = "image" if "image" in staged["items"].columns else "item_id"
    counts = {}
    for table, sql, column in (("items", _ITEMS, "item_id"), ("queries", _QUERIES, "query_id")):
        numbered = sql.format(key=key, order=id_order(db, table, f"{table}.{column}")[0])
        db.execute(f"{numbered}; DROP TABLE {table}; ALTER TABLE numbered_{table} RENAME TO {table}")
        missing = f"FROM {table} WHERE image IS NOT NULL AND picture IS NULL"
        count = db.execute(f"SELECT count(*) {missing}").fetchall()[0][0]
        # An image whose vector is a fault is not one more; a query names it by itself or by its item.
        gone = "SELECT image_id FROM gone_images WHERE image_id IS NOT NULL"
        gone += f" UNION SELECT item_id FROM items WHERE {key} IN (FROM gone_images)"
        unknown = f"SELECT count(*), min(image) {missing} AND image NOT IN ({gone})"
        rows, example = db.execute(unknown).fetchall()[0]
        if rows and not drop:
            what = f"no vector for {example!r}{of_rows(rows, staged[table].rows)}"
            fix = "give it in images, or leave such images out: --missing-images drop"
            faults.add(staged[table].where("image"), what, fix)
        counts[f"images of {table} without a vector"] = count
    return counts


def number_words(staged: dict[str, StagedTable], db: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Makes table ``vocabulary`` (word): the words of kept steps and of items.

    Where the log gives word vectors, words without one are left out.

    Returns:
        number of distinct words that were left out.

    Raises:
        BenchError: no word is left.
    """
    db.execute(_USED_WORDS)
    given = "SEMI JOIN word_vectors USING (word)" if "word_vectors" in staged else ""
    db.execute(f"CREATE TABLE vocabulary AS SELECT word FROM used_words {given}")
    used, kept = db.execute("SELECT (SELECT count(*) FROM used_words), count(*) FROM vocabulary").fetchall()[0]
    if kept == 0:
        table, column = ("word_vectors", "word") if used else ("queries", "words or text")
        what = "none of the log's words is in it" if used else "queries and items have no words"
        fix = "give vectors of the log's own words" if used else "fill the column"
        raise BenchError(what, where=staged[table].where(column), fix=fix)
    db.execute("DROP TABLE used_words")
    return {"different words without a vector": used - kept}
