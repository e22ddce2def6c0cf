"""The items of a UBI log: from an index export or a table, and where that has none from what events say of objects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from bench.datasets.ingest.reader_errors import first_line
from bench.datasets.sql_text import literals
from bench.datasets.ubi import UbiOptions
from bench.datasets.ubi.documents import BULK, scanned
from bench.datasets.ubi.files import UbiFile, catalogue_files
from bench.errors import BenchError, did_you_mean

_IDS = ("_id", "item_id", "object_id", "product_id", "id", "sku", "asin", "ean")
_TITLES = ("title", "product_title", "name", "product_name", "item_name", "text", "description")
_CATEGORIES = ("category", "product_category", "categories", "category_name", "product_type")

_ITEMS = """
CREATE TABLE items AS
WITH wanted AS (
    SELECT item FROM shown UNION SELECT product FROM queries WHERE product IN (SELECT object FROM described)
), said AS (
    SELECT object AS item, arg_max(description, (times, description)) AS title FROM described GROUP BY object
)
SELECT item, coalesce(catalogue.title, said.title) AS title, category, catalogue.item IS NOT NULL AS is_listed
FROM (SELECT item FROM wanted UNION SELECT item FROM catalogue)
LEFT JOIN catalogue USING (item) LEFT JOIN said USING (item)
"""


def list_items(db: duckdb.DuckDBPyConnection, options: UbiOptions) -> tuple[list[UbiFile], list[str], list[str]]:
    """Makes table ``items`` (item, title, category) of the items that were shown and of the whole catalogue.

    Args:
        db: the database, with ``events``, ``queries`` and ``shown``.
        options: ``items``, ``item_id``, ``item_title``, ``item_category``.

    Returns:
        the files of the catalogue, notes and warnings.

    Raises:
        BenchError: the catalogue cannot be read, has no field that is asked for, or has none of the items shown.
    """
    db.execute("""
        CREATE TABLE described AS
        SELECT object, trim(description) AS description, count(*) AS times FROM events
        WHERE object IS NOT NULL AND description IS NOT NULL GROUP BY ALL
    """)
    files: list[UbiFile] = []
    notes: list[str] = []
    if options.items:
        files = catalogue_files(Path(options.items))
        notes = _read(db, files, options)
    else:
        db.execute("CREATE TABLE catalogue (item VARCHAR, title VARCHAR, category VARCHAR)")
    db.execute(_ITEMS)
    shown, untitled = db.execute("""
        SELECT count(*), count(*) FILTER (title IS NULL) FROM items
        WHERE item IN (SELECT item FROM shown)
    """).fetchall()[0]
    warnings = []
    if untitled:
        how = "; --set items=PATH reads a catalogue" if not options.items else ""
        warnings.append(f"{untitled:,} of {shown:,} items that were shown have no title{how}")
    db.execute("DROP TABLE described; DROP TABLE catalogue")
    return files, notes, warnings


def _read(db: duckdb.DuckDBPyConnection, files: Sequence[UbiFile], options: UbiOptions) -> list[str]:
    """Makes table ``catalogue`` (item, title, category), an item once."""
    used = [row[0] for row in db.execute("SELECT DISTINCT object_field FROM events ORDER BY 1 LIMIT 20").fetchall()]
    ids = (options.item_id,) if options.item_id else tuple(dict.fromkeys((*_IDS, *filter(None, used))))
    titles = (options.item_title,) if options.item_title else _TITLES
    categories = (options.item_category,) if options.item_category else _CATEGORIES
    names = (*ids, *titles, *categories)
    for file in files:
        into = "INSERT INTO pages" if file is not files[0] else "CREATE TABLE pages AS"
        try:
            db.execute(f"{into} {_selected(file, names)}")
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            raise BenchError(first_line(error), where=str(file.path), fix="write the file again") from error
    columns = {name: f"found[{number}]" for number, name in enumerate(names, start=1)}
    columns["_id"] = "coalesce(hit, found[1])" if names[0] == "_id" else columns.get("_id", "hit")
    where = str(files[0].path if len(files) == 1 else files[0].path.parent)
    by_id = _most(db, {name: columns[name] for name in ids}, "AND {} IN (SELECT item FROM shown)")
    if by_id is None:
        what = f"none of the items that were shown stands in {', '.join(ids)}"
        raise BenchError(what, where=where, fix="--set item_id=FIELD names the field with the object ids")
    title, category = _most(db, {n: columns[n] for n in titles}), _most(db, {n: columns[n] for n in categories})
    for asked, found in ((options.item_title, title), (options.item_category, category)):
        if asked and found is None:
            raise BenchError(f"no row has a field {asked!r}", where=where, fix=did_you_mean(asked, _keys(db, files)))
    first = {
        name: "NULL" if field is None else columns[field] for name, field in (("title", title), ("category", category))
    }
    db.execute(f"""
        CREATE TABLE catalogue AS
        SELECT trim({columns[by_id]}) AS item, min({first["title"]}) AS title, min({first["category"]}) AS category
        FROM pages WHERE trim({columns[by_id]}) <> '' GROUP BY 1
    """)
    rows, items, found_items, shown_items = db.execute("""
        SELECT (SELECT count(*) FROM pages WHERE NOT is_bulk), count(*),
               count(*) FILTER (item IN (SELECT item FROM shown)), (SELECT count(DISTINCT item) FROM shown)
        FROM catalogue
    """).fetchall()[0]
    db.execute("DROP TABLE pages")
    return [
        f"the catalogue has {items:,} items in {rows:,} rows; {found_items:,} of {shown_items:,} items that were shown "
        f"are found by {by_id}; the title is {title or 'missing'}, the category {category or 'missing'}"
    ]


def _most(db: duckdb.DuckDBPyConnection, columns: dict[str, str], also: str = "") -> str | None:
    """The column with the most values, the first of equals; None where none has any."""
    counts = ", ".join(f"count(DISTINCT {c}) FILTER ({c} <> '' {also.format(c)})" for c in columns.values())
    found = db.execute(f"SELECT {counts} FROM pages").fetchall()[0]
    best = max(range(len(found)), key=lambda number: (found[number], -number))
    return list(columns)[best] if found[best] else None


def _keys(db: duckdb.DuckDBPyConnection, files: Sequence[UbiFile]) -> list[str]:
    """The fields of the first rows of a catalogue, for a suggestion."""
    keys = "unnest(json_keys(coalesce(json_extract(json, '/_source'), json)))"
    sql = f"SELECT DISTINCT {keys} FROM (FROM ({scanned(files[0])}) LIMIT 100) WHERE json_type(json) = 'OBJECT'"
    return sorted(row[0] for row in db.execute(sql).fetchall())


def _selected(file: UbiFile, names: Sequence[str]) -> str:
    """The query that reads some fields of a catalogue; ``hit`` is the id that the search engine knows a document by."""
    places = tuple("/" + name.replace("~", "~0").replace("/", "~1") for name in names)
    source = "CASE WHEN json_type(json, '/_source') = 'OBJECT' THEN json_extract(json, '/_source') ELSE json END"
    is_bulk = f"coalesce(regexp_matches(json::VARCHAR, '{BULK}'), false)"
    hit = f"""coalesce(CASE WHEN NOT {is_bulk} THEN json ->> '/_id' END, CASE WHEN lag({is_bulk}) OVER () THEN
        lag(coalesce(json ->> '/index/_id', json ->> '/create/_id')) OVER () END)"""
    return f"""
        SELECT is_bulk, hit, CASE WHEN NOT is_bulk THEN json_extract_string(doc, [{literals(places)}]) END AS found
        FROM (SELECT {is_bulk} AS is_bulk, {hit} AS hit, {source} AS doc FROM ({scanned(file)}))
    """
