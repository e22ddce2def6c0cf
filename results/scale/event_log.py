"""The event log of a corpus as Parquet files, streamed by DuckDB: what a shop would hand to ``bench data ingest``.

    python results/scale/event_log.py CORPUS FOLDER

A word is the text of its row. Images are left out: as float32 they would take the disk, and they are copied row by row.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import duckdb

_TABLES = {
    "queries": """
        SELECT query_id, user, session_id, time, kind, list_transform(words, lambda w: 'w' || w) AS words, position
        FROM {queries} AS q JOIN {sessions} AS s ON q.session = s.file_row_number
    """,
    "items": "SELECT item_id, list_transform(words, lambda w: 'w' || w) AS words, category, domain FROM {items}",
    "impressions": """
        SELECT query_id, item_id, rank FROM {impressions} AS p
        JOIN {queries} AS q ON p.query = q.file_row_number JOIN {items} AS i ON p.item = i.file_row_number
    """,
    "clicks": """
        SELECT query_id, item_id, click_time AS time FROM {impressions} AS p
        JOIN {queries} AS q ON p.query = q.file_row_number JOIN {items} AS i ON p.item = i.file_row_number
        WHERE clicked
    """,
}


def write_event_log(corpus: Path, folder: Path) -> None:
    """Writes the four tables into ``folder``."""
    writing = folder.with_name(f"{folder.name}.writing")
    shutil.rmtree(writing, ignore_errors=True)
    writing.mkdir(parents=True)
    names = ("sessions", "queries", "impressions", "items")
    tables = {name: f"read_parquet('{corpus / name}.parquet', file_row_number = true)" for name in names}
    with duckdb.connect() as db:
        db.execute(f"SET memory_limit = '1GB'; SET threads = 1; SET temp_directory = '{writing}/.spill'")
        db.execute("SET preserve_insertion_order = false")
        for name, sql in _TABLES.items():
            db.execute(f"COPY ({sql.format(**tables)}) TO '{writing / name}.parquet' (FORMAT parquet)")
    writing.rename(folder)


if __name__ == "__main__":
    write_event_log(Path(sys.argv[1]), Path(sys.argv[2]))
