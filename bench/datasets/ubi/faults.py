"""What keeps a UBI document from being read, each kind counted once, with an example."""

from __future__ import annotations

import duckdb

from bench.datasets.ingest.faults import Faults, of_rows, shortened
from bench.datasets.ingest.options import TimeUnit
from bench.datasets.ingest.times import (
    FIRST_YEAR,
    UNIT_NAMES,
    believed,
    from_number,
    from_text,
    last_year,
    number_of,
    unit_counts,
)

_IS_NO_TEXT = "({0} IS NOT NULL AND {0}[1] IN ('{{', '[') AND json_valid({0}))"
_ID_FIELDS = ("query_id", "object", "session", "client", '"user"', "action", "timestamp")


def read_values(
    db: duckdb.DuckDBPyConnection, faults: Faults, impressions: str, total: int
) -> tuple[dict[str, int], list[str]]:
    """Makes tables ``requests`` and ``events`` of the documents: ``time`` in ms since 1970, ``ordinal`` as a number.

    Args:
        db: the database, with ``documents``, which goes.
        faults: gets the documents that cannot be read.
        impressions: SQL list of the actions that are impressions; only their ordinals count.
        total: number of documents of the log, for the messages.

    Returns:
        numbers of documents that are no part of a UBI log by reason, and notes about how times are read.
    """
    unit, notes = _unit(db)
    number = number_of("timestamp")
    time = believed(
        f"CASE WHEN {number} IS NOT NULL THEN {from_number('timestamp', unit)} ELSE {from_text('timestamp')} END"
    )
    ordinal = "TRY_CAST(ordinal AS DOUBLE)"
    whole = f"CASE WHEN {ordinal} = trunc({ordinal}) AND {ordinal} >= 0 THEN TRY_CAST({ordinal} AS INTEGER) END"
    nested = " OR ".join(_IS_NO_TEXT.format(name) for name in _ID_FIELDS)
    asked = "starts_with(asked, '{') AND json_valid(asked)"
    cases = {
        "lines that are not JSON objects": ("kind = 'broken'", None, "is not a JSON object", "export the log again"),
        "documents that are neither queries nor events": (
            "kind = 'unknown'",
            None,
            "is neither a query nor an event",
            "a query has a user_query or a query_id, an event an action_name",
        ),
        "events without an action_name": ("kind = 'event without an action'", None, "has no action_name", ""),
        "documents with an object in the place of an id, a text or a time": (
            f"({nested} OR {asked})",
            None,
            "has an object or a list in the place of an id, a text or a time",
            "",
        ),
        "documents without a readable timestamp": (
            "time IS NULL",
            "timestamp",
            f"is not a timestamp, ISO text or {UNIT_NAMES[unit]} between {FIRST_YEAR} and {last_year()}",
            "",
        ),
        "queries without a query_id": (
            "kind = 'query' AND query_id IS NULL",
            None,
            "is a query without a query_id",
            "",
        ),
        "impressions with an ordinal that is no place": (
            f"action IN ({impressions}) AND ordinal IS NOT NULL AND place IS NULL",
            "ordinal",
            "is not an integer from 0",
            "",
        ),
    }
    branches = " ".join(f"WHEN {case[0]} THEN {number}" for number, case in enumerate(cases.values(), start=1))
    db.execute(f"""
        CREATE TABLE judged AS SELECT *, (CASE {branches} ELSE 0 END)::UTINYINT AS fault
        FROM (SELECT *, {time} AS time, {whole} AS place FROM documents WHERE kind <> 'other index')
    """)
    dropped = {"documents of other indices": _count(db, "documents") - _count(db, "judged")}
    db.execute("DROP TABLE documents")
    found = db.execute("""
        SELECT fault, count(*), arg_min(line, row), arg_min(part, row), arg_min(timestamp, row), arg_min(ordinal, row)
        FROM judged WHERE fault > 0 GROUP BY fault ORDER BY fault
    """).fetchall()
    for kind, count, line, part, timestamp, written in found:
        reason, (_, field, what, fix) = list(cases.items())[kind - 1]
        where = f"{part}, line {line}"
        value = {"timestamp": timestamp, "ordinal": written}.get(field or "")
        if field is not None:
            said = f"{field} {shortened(value)} {what}" if value is not None else f"there is no {field}"
        else:
            said = f"the document {what}" if kind > 1 else f"the line {what}"
        faults.rows(count, reason, where, said + of_rows(count, total), fix)
    db.execute("""
        CREATE TABLE requests AS
        SELECT row, part, application, query_id, client, "user", session, asked, product, hits, time
        FROM judged WHERE fault = 0 AND kind = 'query';
        CREATE TABLE events AS
        SELECT row, part, application, query_id, client, "user", session, asked, message, action, object, object_field,
               description, place AS ordinal, product, time
        FROM judged WHERE fault = 0 AND kind = 'event';
        DROP TABLE judged
    """)
    return dropped, notes


def _unit(db: duckdb.DuckDBPyConnection) -> tuple[TimeUnit, list[str]]:
    """The unit of times in numbers: that which makes the most plausible instants of them, ms where none does."""
    counts = unit_counts("timestamp")
    numbers, *plausible = db.execute(
        f"SELECT count({number_of('timestamp')}), {', '.join(counts.values())} FROM documents"
    ).fetchall()[0]
    if not numbers:
        return "ms", []
    units: list[TimeUnit] = sorted(counts, key=lambda unit: unit != "ms")  # of equals, the one of the documentation
    unit = max(units, key=lambda unit: plausible[list(counts).index(unit)])
    return unit, [f"{numbers:,} timestamps are numbers, read as {UNIT_NAMES[unit]}"]


def _count(db: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(db.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])
