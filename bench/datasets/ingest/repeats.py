"""Rows of an id that stands more than once: identical ones are one row, others contradict each other."""

from __future__ import annotations

from bench.datasets.ingest.event_log import IDS
from bench.datasets.ingest.faults import Faults, of_rows
from bench.datasets.ingest.staging import StagedTable


def unite_repeats(table: StagedTable, faults: Faults) -> int:
    """Leaves one row of each id of a table.

    Args:
        table: queries, items, images or word vectors.
        faults: gets rows of one id with different contents. The first of them in the order of their contents stays; of
            queries none does, as nobody knows which of them was shown what.

    Returns:
        number of rows that are identical to another.
    """
    db, name, key = table.db, table.name, IDS[table.name]
    db.execute(f"CREATE TABLE repeated AS SELECT {key}, count(*) AS rows FROM {name} GROUP BY 1 HAVING count(*) > 1")
    rows = db.execute("SELECT coalesce(sum(rows), 0)::BIGINT FROM repeated").fetchall()[0][0]
    if not rows:
        db.execute("DROP TABLE repeated")
        return 0
    order = ", ".join(row[0] for row in db.execute(f"DESCRIBE {name}").fetchall())
    db.execute(f"""
        CREATE TABLE different AS
        SELECT *, row_number() OVER (PARTITION BY {key} ORDER BY {order}) AS version,
               count(*) OVER (PARTITION BY {key}) AS versions
        FROM (SELECT DISTINCT * FROM {name} SEMI JOIN repeated USING ({key}))
    """)
    different, ids, keys, least = db.execute(
        f"SELECT count(*), count(DISTINCT {key}), count(DISTINCT {key}) FILTER (versions > 1), "
        f"min({key}) FILTER (versions > 1) FROM different"
    ).fetchall()[0]
    contradicting = different - ids + keys
    kept = "versions = 1" if name == "queries" else "version = 1"
    if contradicting:
        lost = contradicting if name == "queries" else contradicting - keys
        what = f"{least!r} stands twice, with different contents{of_rows(contradicting, table.rows)}"
        faults.rows(lost, f"rows of {name} that contradict another of their {key}", table.where(key), what, "keep one")
    if contradicting and name == "queries":
        db.execute(f"INSERT INTO gone_{name} SELECT DISTINCT {key} FROM different WHERE versions > 1")
    db.execute(f"""
        DELETE FROM {name} WHERE {key} IN (SELECT {key} FROM repeated);
        INSERT INTO {name} SELECT * EXCLUDE (version, versions) FROM different WHERE {kept};
        DROP TABLE repeated; DROP TABLE different
    """)
    return int(rows - different)
