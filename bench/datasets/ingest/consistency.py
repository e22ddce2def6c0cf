"""Checks of a staged table by itself: vectors have one width and finite values, queries an end."""

from __future__ import annotations

from bench.datasets.ingest.database import GONE
from bench.datasets.ingest.event_log import IDS
from bench.datasets.ingest.faults import Faults, of_rows
from bench.datasets.ingest.staging import StagedTable


def check_vectors(table: StagedTable, faults: Faults) -> int:
    """Checks that the vectors of a table have one width and finite values; those of another width or others are faults.

    Returns:
        the width that most vectors have.
    """
    db, name, key = table.db, table.name, IDS[table.name]
    widths = f"SELECT len(vector), count(*) FROM {name} GROUP BY 1 ORDER BY 2 DESC, 1 DESC LIMIT 1"
    width = next((row[0] for row in db.execute(widths).fetchall()), 0)
    # A sum is finite only if all its terms are; in doubles, floats cannot overflow it.
    for wrong, reason, says, fix in (
        (
            f"len(vector) <> {width}",
            "of another width",
            f"of {{}} numbers, where others have {width}",
            "all vectors need the same length",
        ),
        (
            "NOT isfinite(list_sum(vector::DOUBLE[]))",
            "that are not finite",
            "has a value that is not finite",
            "remove NaN and infinity",
        ),
    ):
        least = f"SELECT count(*), min({key}), arg_min(len(vector), {key}) FROM {name} WHERE {wrong}"
        count, example, numbers = db.execute(least).fetchall()[0]
        what = f"{example!r} {says.format(numbers)}" + (of_rows(count, table.rows) if count > 1 else "")
        faults.rows(count, f"vectors of {name} {reason}", table.where("vector"), what, fix)
        if count:
            if name in GONE:
                db.execute(f"INSERT INTO gone_{name} SELECT {key} FROM {name} WHERE {wrong}")
            db.execute(f"DELETE FROM {name} WHERE {wrong}")
    return int(width)


def check_lengths(queries: StagedTable, most: int, faults: Faults) -> None:
    """Checks that no query has more than ``most`` words (0: any number); those that have are faults.

    People type a handful. A query of a million words is a page that was pasted or a broken line; counting which words
    stand together takes the square of it.
    """
    if not most:
        return
    longer = f"FROM queries WHERE len(words) > {most}"
    found = f"SELECT count(*), arg_max(query_id, len(words)), max(len(words)) {longer}"
    count, example, words = queries.db.execute(found).fetchall()[0]
    if not count:
        return
    what = f"query {example!r} has {words:,} words, and {most:,} is the most that is taken"
    what += of_rows(count, queries.rows) if count > 1 else ""
    faults.rows(
        count, f"queries of over {most} words", queries.where("text"), what, "--max-words takes longer ones, 0 all"
    )
    queries.db.execute(f"INSERT INTO gone_queries SELECT query_id {longer}; DELETE {longer}")
    queries.lost += count
