"""Items that a log shows and no catalogue has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.datasets.ingest.column_sql import ColumnReading, value_of
from bench.datasets.mapping.expressions import key_of
from bench.datasets.sql_text import literal


def unknown_items_sql(written: Mapping[str, Path], null: tuple[str, ...]) -> str:
    """The query that selects ids of impressions and clicks that are in no file of items, once each.

    Args:
        written: the folders of the tables' Parquet files, by table; ``items`` may have none.
        null: texts that are null.
    """
    shown = " UNION ALL ".join(_ids(written[table], null) for table in ("impressions", "clicks"))
    known = _ids(written["items"], null) if any(written["items"].iterdir()) else "SELECT NULL AS item_id WHERE false"
    return f"""
        SELECT DISTINCT key AS item_id, NULL::VARCHAR AS text
        FROM (SELECT {key_of("item_id")} AS key FROM ({shown}))
        WHERE key IS NOT NULL AND key NOT IN (SELECT {key_of("item_id")} FROM ({known}) WHERE item_id IS NOT NULL)
    """


def _ids(folder: Path, null: tuple[str, ...]) -> str:
    files = literal(str(folder / "*.parquet"))
    text = value_of("item_id", "VARCHAR", ColumnReading(null))
    return f"SELECT {text} AS item_id FROM (SELECT item_id::VARCHAR AS item_id FROM read_parquet({files}))"
