"""The application whose queries and events are read; a UBI log may hold those of several."""

from __future__ import annotations

import duckdb

from bench.errors import BenchError, did_you_mean

ALL = "all"

_OF_QUERIES = """
CREATE TABLE application_of AS
SELECT query_id, min(application) AS application FROM documents
WHERE query_id IS NOT NULL AND application IS NOT NULL AND kind IN ('query', 'event')
GROUP BY query_id HAVING min(application) = max(application)
"""


def choose_application(db: duckdb.DuckDBPyConnection, asked: str) -> tuple[str, dict[str, int], list[str]]:
    """Takes the documents of other applications out of ``documents``.

    A document that names none is of the application that the others of its query name; where the log has only one, of
    that one.

    Args:
        db: the database.
        asked: a name, several with commas between them, ``all``, or empty where the log has one application.

    Returns:
        the names that are kept in words, numbers of documents that were taken out by reason, and notes.

    Raises:
        BenchError: none is asked for and there are several, or the log has none of that name; it lists them with their
            numbers of queries and events.
    """
    notes = []
    db.execute(_OF_QUERIES)
    guessed = db.execute("""
        UPDATE documents SET application = application_of.application FROM application_of
        WHERE documents.application IS NULL AND documents.query_id = application_of.query_id
    """).fetchall()[0][0]
    db.execute("DROP TABLE application_of")
    there = db.execute("""
        SELECT application, count(*) FILTER (kind = 'query'), count(*) FILTER (kind <> 'query') FROM documents
        WHERE kind IN ('query', 'event', 'event without an action') GROUP BY application ORDER BY count(*) DESC, 1
    """).fetchall()
    if guessed:
        notes.append(f"{guessed:,} documents without an application are of that of their query")
    names = [name for name, _, _ in there if name is not None]
    if len(names) == 1 and len(there) == 2 and asked in ("", *names):
        _, queries, events = next(row for row in there if row[0] is None)
        notes.append(f"{queries + events:,} documents without an application are taken as those of {names[0]!r}")
        db.execute("UPDATE documents SET application = ? WHERE application IS NULL", names)
        return names[0], {}, notes
    listed = ", ".join(
        f"{name or '(none)'} ({queries:,} queries, {events:,} events)" for name, queries, events in there
    )
    if not asked:
        if len(there) > 1:
            fix = f"--set application={names[0]}, several with commas between them, or {ALL}"
            raise BenchError(f"{len(there)} applications: {listed}", where="application", fix=fix)
        return (names[0] if names else "none is named"), {}, notes
    if asked == ALL and ALL not in names:
        return ", ".join(names), {}, notes
    wanted = [asked] if asked in names else [name.strip() for name in asked.split(",") if name.strip()]
    for name in wanted:
        if name not in names:
            what = f"no application {name!r} in the log" + (f", only {listed}" if listed else "")
            raise BenchError(
                what, where="application", fix=did_you_mean(name, names) if names else "leave the option out"
            )
    marks = ", ".join("?" * len(wanted))
    of_others = f"application NOT IN ({marks}) AND kind <> 'broken'"
    nameless = "application IS NULL AND kind IN ('query', 'event', 'event without an action')"
    dropped = {}
    for reason, condition, values in (
        ("documents of other applications", of_others, wanted),
        ("documents without an application", nameless, []),
    ):
        dropped[reason] = int(db.execute(f"DELETE FROM documents WHERE {condition}", values).fetchall()[0][0])
    return ", ".join(wanted), dropped, notes
