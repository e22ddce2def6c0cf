"""The order of ids: as numbers where they are numbers, or one text before numbers, else as text."""

from __future__ import annotations

import duckdb

_NUMBERED = r"^\D*\d{1,37}$"
_LAST_DIGITS = r"\d+$"


def id_order(db: duckdb.DuckDBPyConnection, table: str, column: str) -> tuple[str, bool]:
    """The SQL to order a table by an id, and whether that is by number.

    ``9`` comes before ``10``, and ``q9`` before ``q10``, where all ids are of this kind: an id that counts what was
    asked is the only order that queries of one time have.

    Args:
        db: the database.
        table: a table.
        column: its column of ids, without nulls.
    """
    prefix = f"regexp_replace({column}, '{_LAST_DIGITS}', '')"
    numbered, least, most, integers = db.execute(f"""
        SELECT bool_and(regexp_full_match({column}, '{_NUMBERED}')), min({prefix}), max({prefix}),
               bool_and(regexp_full_match({column}, '-?\\d{{1,37}}'))
        FROM {table}
    """).fetchall()[0]
    if integers:
        return f"{column}::HUGEINT, {column}", True
    if numbered and least == most:
        return f"regexp_extract({column}, '{_LAST_DIGITS}')::HUGEINT, {column}", True
    return column, False
