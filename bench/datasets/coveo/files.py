"""The CSVs of Coveo's data challenge, staged as text; vectors and lists are parsed, never evaluated."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import duckdb

from bench.data.expansion import LONGEST_HEADER, UNREADABLE, check_packed, opened
from bench.datasets.ingest.faults import of_rows
from bench.datasets.log_reader import Reading
from bench.datasets.sql_text import literal
from bench.errors import BenchError

WIDTH = 50
"""Numbers in a vector of a query, a description or an image."""

COLUMNS = {
    "search_train": (
        "session_id_hash",
        "query_vector",
        "clicked_skus_hash",
        "product_skus_hash",
        "server_timestamp_epoch_ms",
    ),
    "browsing_train": (
        "session_id_hash",
        "event_type",
        "product_action",
        "product_sku_hash",
        "server_timestamp_epoch_ms",
        "hashed_url",
    ),
    "sku_to_content": ("product_sku_hash", "description_vector", "category_hash", "image_vector", "price_bucket"),
}
"""The columns of each file, as its authors document them."""

_NOTHING = "('', 'nan', 'none', 'null', '[]')"


@dataclass(frozen=True)
class CoveoFile:
    """One of the CSVs.

    Attributes:
        name: without its ending.
        path: where it stands.
        header: its columns, in order.
    """

    name: str
    path: Path
    header: tuple[str, ...]

    def stage(self, log: Reading) -> int:
        """Makes a table of this name, all values text; lines that are no CSV are faults.

        Returns:
            number of lines that were read, rejected ones among them.

        Raises:
            BenchError: a quote is not closed, so that the lines after it cannot be told apart.
        """
        types = ", ".join(f"'{column}': 'VARCHAR'" for column in self.header)
        log.db.execute(f"""
            CREATE TABLE {self.name} AS SELECT {", ".join(COLUMNS[self.name])} FROM read_csv(
                {literal(str(self.path))}, columns = {{{types}}}, header = true, auto_detect = false, delim = ',',
                quote = '"', escape = '"', nullstr = '', store_rejects = true, rejects_limit = 0)
        """)
        rejected, line, why, unclosed = log.db.execute("""
            SELECT count(DISTINCT line), min(line), arg_min(error_type::VARCHAR, line),
                   coalesce(bool_or(error_type = 'UNQUOTED VALUE'), false)
            FROM reject_errors
        """).fetchall()[0]
        log.db.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
        rows = log.count(self.name) + int(rejected)
        if unclosed:
            fix = "the lines after it cannot be told apart: unpack the file again"
            raise BenchError("a quote is not closed", where=f"{self.path}, line {line}", fix=fix)
        what = f"{str(why).lower()}{of_rows(rejected, rows)}"
        log.faults.rows(rejected, f"lines of {self.path.name} that are not CSV", f"{self.path}, line {line}", what)
        return rows


def find_files(root: Path, browsing: bool) -> dict[str, CoveoFile]:
    """The files in a folder or its folder ``train``, by name.

    Args:
        root: the folder.
        browsing: whether ``browsing_train`` is needed.

    Raises:
        BenchError: a file or a column is missing.
    """
    return {name: _find(name, root) for name in COLUMNS if browsing or name != "browsing_train"}


def is_given(value: str) -> str:
    """The SQL that says whether there is a value at all: a search without results or a product without a picture."""
    return f"({value} IS NOT NULL AND lower(trim({value})) NOT IN {_NOTHING})"


def vector(value: str) -> str:
    """The SQL of the vector that a text writes as a Python list; null for what is not ``WIDTH`` finite numbers."""
    numbers = f"TRY_CAST('[' || trim({value}, '[] ') || ']' AS FLOAT[])"
    whole = f"len({numbers}) = {WIDTH} AND list_count({numbers}) = {WIDTH}"
    return f"CASE WHEN {whole} AND isfinite(list_sum({numbers}::DOUBLE[])) THEN {numbers} END"


def _find(name: str, root: Path) -> CoveoFile:
    places = [root / folder / f"{name}.csv{packed}" for folder in ("", "train") for packed in ("", ".gz")]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        found = ", ".join(sorted(entry.name for entry in root.iterdir())[:10]) or "nothing"
        raise BenchError(f"{name}.csv is not here, but {found}", where=str(root), fix="unpack the training part")
    check_packed(path)
    try:
        with opened(path) as file:
            header = next(csv.reader([file.readline(LONGEST_HEADER).decode("utf-8-sig")]), [])
    except (UnicodeDecodeError, csv.Error, *UNREADABLE):
        raise BenchError("the header is not CSV in UTF-8", where=f"{path}, line 1", fix="unpack it again") from None
    names = tuple(column.strip() for column in header)
    missing = [column for column in COLUMNS[name] if column not in names]
    if missing:
        what = f"column {', '.join(missing)} is missing"
        raise BenchError(what, where=f"{path}, line 1", fix=f"it has {', '.join(names)}")
    if len(set(names)) < len(names):
        raise BenchError("a column is there twice", where=f"{path}, line 1", fix=f"it has {', '.join(names)}")
    return CoveoFile(name, path, names)


def readable(db: duckdb.DuckDBPyConnection, table: str, column: str, key: str) -> tuple[int, str | None]:
    """Number of values of a staged column that are given and not read, and the least ``key`` of such a row.

    Args:
        db: the database.
        table: has ``column`` and ``COLUMN_read``, which is null where the value cannot be read.
        column: name of the column.
        key: another column, for the example.
    """
    sql = f"SELECT count(*), min({key}) FROM {table} WHERE {is_given(column)} AND {column}_read IS NULL"
    count, example = db.execute(sql).fetchall()[0]
    return int(count), example
