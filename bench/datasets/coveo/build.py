"""From the CSVs of Coveo to a corpus: a distinct vector of a query or a description is one word, whose vector it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench.datasets.coveo import CoveoOptions
from bench.datasets.coveo.files import WIDTH, CoveoFile, find_files, is_given, readable, vector
from bench.datasets.ingest.faults import of_rows
from bench.datasets.ingest.options import IngestOptions
from bench.datasets.ingest.report import Conversion, IngestReport
from bench.datasets.ingest.words_sql import written_list
from bench.datasets.log_reader import Reading, corpus_of_log, local_folder, provenance

LICENCE = "research only, no redistribution: the terms of Coveo's data challenge"
_STAGES = 4

_WORD = "'v' || md5({vector}::VARCHAR)"

_SEARCHES = """
CREATE TABLE searches AS
SELECT DISTINCT session_id_hash AS session, server_timestamp_epoch_ms AS time,
       query_vector, {vector} AS query_vector_read, product_skus_hash, {shown} AS product_skus_hash_read,
       clicked_skus_hash, {clicked} AS clicked_skus_hash_read
FROM search_train
"""

_PRODUCTS = """
CREATE TABLE products AS
SELECT DISTINCT product_sku_hash AS sku, category_hash, description_vector, {description} AS description_vector_read,
       image_vector, {image} AS image_vector_read
FROM sku_to_content
"""

_STEPS = """
CREATE TABLE steps AS
SELECT row_number() OVER (ORDER BY session, time, kind, vector, image, shown, clicked) AS query_id, * FROM (
    SELECT session, time, 'keyword' AS kind, query_vector_read AS vector, NULL::VARCHAR AS image,
           coalesce(product_skus_hash_read, []) AS shown, coalesce(clicked_skus_hash_read, []) AS clicked
    FROM searches {views}
)
"""

_VIEWS = """
UNION ALL SELECT DISTINCT session_id_hash, server_timestamp_epoch_ms, 'product', description_vector_read,
          CASE WHEN image_vector_read IS NOT NULL THEN sku END, []::VARCHAR[], []::VARCHAR[]
FROM browsing_train JOIN products ON product_sku_hash = sku
WHERE lower(trim(product_action)) = 'detail' AND session_id_hash IN (SELECT session FROM searches)
"""

_UNKNOWN = """
SELECT DISTINCT sku FROM (SELECT unnest(shown) AS sku FROM steps UNION ALL SELECT unnest(clicked) FROM steps)
WHERE sku IS NOT NULL AND sku NOT IN (SELECT sku FROM products WHERE sku IS NOT NULL)
"""


def build(
    folder: Path, name: str, source: str | Path, options: CoveoOptions, progress: Callable[[int, int], None] | None
) -> IngestReport:
    """Writes the corpus; see :func:`bench.datasets.coveo.make`."""
    root = local_folder(source, "search_train.csv and sku_to_content.csv")
    files = find_files(root, browsing=options.views != "none")
    conversion = _Conversion(root, files, options)
    return corpus_of_log(
        folder, name, LICENCE, root, IngestOptions.of_reader(options), conversion.run, _STAGES, progress
    )


class _Conversion:
    """The CSVs on their way into an event log.

    Args:
        root: the folder that they are in.
        files: by name.
        options: how they are read.
    """

    def __init__(self, root: Path, files: dict[str, CoveoFile], options: CoveoOptions) -> None:
        self._root, self._files, self._options = root, files, options
        self._notes: list[str] = []
        self._dropped: dict[str, int] = {}

    def run(self, log: Reading) -> Conversion:
        """Writes the tables of the event log."""
        read = {name: file.stage(log) for name, file in self._files.items()}
        log.advance()
        self._read_searches(log)
        self._read_products(log)
        log.advance()
        self._write_queries(log)
        log.advance()
        self._write_items(log)
        log.advance()
        return Conversion(
            "coveo",
            provenance(self._root, (file.path for file in self._files.values())),
            options={
                "category_level": self._options.category_level,
                "views": self._options.views,
                "words": "vectors",
            },
            read=read,
            dropped={**self._dropped, **log.faults.dropped},
            notes=tuple(self._notes),
            caveats=(
                "texts are known as vectors only: each distinct vector of a query or a description counts as one word",
                LICENCE,
            ),
        )

    def _read_searches(self, log: Reading) -> None:
        """Makes table ``searches``; rows with a value that cannot be read are faults, and are left out."""
        sql = _SEARCHES.format(
            vector=vector("query_vector"),
            shown=written_list("product_skus_hash"),
            clicked=written_list("clicked_skus_hash"),
        )
        log.db.execute(sql)
        rows = log.count("search_train")
        self._dropped["rows of search_train that stand twice"] = rows - log.count("searches")
        file = self._files["search_train"].path
        for column, expected in (
            ("query_vector", f"a list of {WIDTH} numbers"),
            ("product_skus_hash", "a list of ids in quotes"),
            ("clicked_skus_hash", "a list of ids in quotes"),
        ):
            count, session = readable(log.db, "searches", column, "session")
            what = f"that of session {session!r} is not {expected}{of_rows(count, rows)}"
            log.faults.rows(count, f"searches whose {column} is not {expected}", f"{file}, column {column}", what)
            log.db.execute(f"DELETE FROM searches WHERE {is_given(column)} AND {column}_read IS NULL")

    def _read_products(self, log: Reading) -> None:
        """Makes table ``products``; a vector that cannot be read is a fault, and the product is left without it."""
        sql = _PRODUCTS.format(description=vector("description_vector"), image=vector("image_vector"))
        log.db.execute(sql)
        rows = log.count("sku_to_content")
        self._dropped["rows of sku_to_content that stand twice"] = rows - log.count("products")
        file = self._files["sku_to_content"].path
        for column in ("description_vector", "image_vector"):
            count, sku = readable(log.db, "products", column, "sku")
            what = f"that of {sku!r} is not a list of {WIDTH} numbers{of_rows(count, rows)}"
            reason = f"values of {column} that are not {WIDTH} numbers, their products stay"
            log.faults.rows(count, reason, f"{file}, column {column}", what)

    def _write_queries(self, log: Reading) -> None:
        """Writes queries, impressions and clicks; a query has no id in the files and gets its number in their order."""
        log.db.execute(_STEPS.format(views=_VIEWS if self._options.views == "product" else ""))
        log.write(
            "queries",
            f"SELECT query_id, session AS session_id, time, kind, image, {_words_of('vector')} AS words FROM steps",
        )
        ranked = "unnest(shown) AS item_id, unnest(range(1, len(shown) + 1)) AS rank"
        log.write("impressions", f"SELECT query_id, {ranked} FROM steps")
        log.write("clicks", "SELECT query_id, unnest(clicked) AS item_id FROM steps")
        views = log.count("(FROM steps WHERE kind = 'product')")
        if self._options.views == "product":
            self._notes.append(f"{views:,} detail views in sessions with a search are product queries (views=product)")
        else:
            self._notes.append("what was browsed is not read (views=product takes detail views as product queries)")

    def _write_items(self, log: Reading) -> None:
        """Writes items, images and the vectors of words."""
        level = self._options.category_level
        path = "string_split(trim(category_hash), '/')"
        category = f"array_to_string({path}[:{level}], '/')" if level else "trim(category_hash)"
        unknown = log.count(f"({_UNKNOWN})")
        if unknown:
            self._notes.append(f"{unknown:,} products have no row in sku_to_content: items without words and image")
        log.write(
            "items",
            f"""SELECT sku AS item_id, {_words_of("description_vector_read")} AS words,
                       CASE WHEN image_vector_read IS NOT NULL THEN sku END AS image, {category} AS category
                FROM products UNION ALL SELECT sku, [], NULL, NULL FROM ({_UNKNOWN})""",
        )
        pictures = (
            "SELECT sku AS image_id, image_vector_read AS vector FROM products WHERE image_vector_read IS NOT NULL"
        )
        if log.count(f"({pictures})"):
            log.write("images", pictures)
        given = "SELECT vector FROM steps UNION SELECT description_vector_read FROM products"
        word = _WORD.format(vector="vector")
        log.write("word_vectors", f"SELECT {word} AS word, vector FROM ({given}) WHERE vector IS NOT NULL")


def _words_of(vector: str) -> str:
    """The SQL of a text's words: one for a vector, none without."""
    return f"CASE WHEN {vector} IS NULL THEN []::VARCHAR[] ELSE [{_WORD.format(vector=vector)}] END"
