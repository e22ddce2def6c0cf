"""What makes one doubt a log that can be read: shares, lengths and ties, in numbers and in warnings."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from bench.datasets.ingest.id_order import id_order
from bench.datasets.ingest.options import IngestOptions
from bench.datasets.ingest.staging import StagedTable
from bench.datasets.ingest.words_sql import words_of_text

LONG_SESSION = 100
"""Queries in a session from which on it is warned about, if ``max_steps`` does not drop it."""
_LONG_HOURS = 6
_ABSURD_SHARE = 0.05
_ABSURD_TIMES = 10
_FEW_FOUND = 0.5
_FOLDING_FINDS = 0.05
_DAY = 86_400_000


@dataclass
class Doubts:
    """What the kept part of a log looks like.

    Attributes:
        measures: numbers by name, such as ``share of query words found in titles``.
        warnings: sentences about what can hardly be right.
    """

    measures: dict[str, float | int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def doubts_of(staged: dict[str, StagedTable], db: duckdb.DuckDBPyConnection, options: IngestOptions) -> Doubts:
    """Looks at the kept sessions, and at the words of their queries.

    Args:
        staged: the tables, as they were numbered and joined.
        db: their database, with ``sessions`` and ``steps``.
        options: the options of the ingestion.
    """
    doubts = Doubts()
    _users(db, doubts)
    _sessions(staged["queries"], db, options, doubts)
    _ties(staged["queries"], db, doubts)
    _words(db, options, doubts)
    return doubts


def _users(db: duckdb.DuckDBPyConnection, doubts: Doubts) -> None:
    users, most, user, steps = db.execute("""
        SELECT count(*), max(asked), arg_max(user, asked), sum(asked)::BIGINT
        FROM (SELECT user, sum(steps)::BIGINT AS asked FROM sessions WHERE user IS NOT NULL GROUP BY user ORDER BY user)
    """).fetchall()[0]
    doubts.measures["users"] = users
    if users > 1 and most > _ABSURD_SHARE * steps and most > _ABSURD_TIMES * (steps - most) / (users - 1):
        doubts.warnings.append(
            f"user {user!r} asked {most / steps:.0%} of all queries ({most:,} of {steps:,}): a machine, or an id that "
            "stands for many?"
        )


def _sessions(queries: StagedTable, db: duckdb.DuckDBPyConnection, options: IngestOptions, doubts: Doubts) -> None:
    first, last = db.execute("SELECT min(time), max(time) FROM steps").fetchall()[0]
    doubts.measures["first query, ms since 1970"], doubts.measures["last query, ms since 1970"] = first, last
    sessions, many, hours, longest, session, steps = db.execute(f"""
        WITH lasted AS (
            SELECT session_id, steps, (max(time) - min(time)) / 3600000 AS hours
            FROM steps JOIN sessions USING (session) GROUP BY session_id, steps
        )
        SELECT count(*), count(*) FILTER (steps > {LONG_SESSION}), count(*) FILTER (hours > {_LONG_HOURS}),
               max(hours), arg_max(session_id, (hours, session_id)), arg_max(steps, (hours, session_id))
        FROM lasted
    """).fetchall()[0]
    doubts.measures["longest session, hours"] = round(longest, 3)
    if hours:
        ids = ""
        if "session_id" in queries.columns:
            ids = ": are ids used again, by others or another day? --session-ids cut cuts them where idle"
        doubts.warnings.append(
            f"{hours:,} of {sessions:,} sessions last for over {_LONG_HOURS} hours, "
            f"{session!r} for {longest:.1f} hours with {steps:,} queries{ids}"
        )
    if many:
        doubts.warnings.append(
            f"{many:,} of {sessions:,} sessions have over {LONG_SESSION} queries: machines? --max-steps drops them "
            f"(now {options.max_steps or 'none is dropped'})"
        )


def _ties(queries: StagedTable, db: duckdb.DuckDBPyConnection, doubts: Doubts) -> None:
    tied, steps, midnights = db.execute(f"""
        SELECT coalesce(sum(n) FILTER (n > 1), 0)::BIGINT, sum(n)::BIGINT,
               coalesce(sum(n) FILTER (time % {_DAY} = 0), 0)::BIGINT
        FROM (SELECT time, count(*) AS n FROM steps GROUP BY session, time)
    """).fetchall()[0]
    doubts.measures["queries at the time of another of their session"] = tied
    if steps > 1 and midnights == steps:
        doubts.warnings.append("all queries were asked at midnight (UTC): their times are days, which cut no sessions")
    if not tied:
        return
    of_all = f"{tied:,} of {steps:,} queries have the time of another of their session"
    _, by_number = id_order(db, "queries", "query_id")
    if "position" in queries.columns:
        doubts.warnings.append(f"{of_all}; their order is that of position")
    elif by_number:
        doubts.warnings.append(
            f"{of_all}; their order is that of their ids as numbers, unless a column position gives it"
        )
    else:
        doubts.warnings.append(
            f"{of_all}; their order is that of their ids as text, which says little: give a column position"
        )


def _words(db: duckdb.DuckDBPyConnection, options: IngestOptions, doubts: Doubts) -> None:
    """The share of query words, counted as often as they are asked, that stand in any title."""
    db.execute("""
        CREATE TABLE asked_words AS SELECT word, count(*) AS times
        FROM (SELECT unnest(words) AS word FROM queries SEMI JOIN steps USING (q)) GROUP BY word;
        CREATE TABLE title_words AS SELECT DISTINCT unnest(words) AS word FROM items
    """)
    share = "SELECT coalesce(sum(times) FILTER (word IN (SELECT word FROM {})) / sum(times), 0) FROM {}"
    found = db.execute(share.format("title_words", "asked_words")).fetchall()[0][0]
    example = "SELECT word FROM asked_words ANTI JOIN title_words USING (word) ORDER BY times DESC, word LIMIT 1"
    missing = [row[0] for row in db.execute(example).fetchall()]
    doubts.measures["share of query words found in titles"] = round(found, 4)
    folded = found
    if not options.fold:
        bare = words_of_text("word", fold=True)
        folded = db.execute(f"""
            WITH asked AS (SELECT unnest({bare}) AS word, times FROM asked_words),
                 titles AS (SELECT DISTINCT unnest({bare}) AS word FROM title_words)
            {share.format("titles", "asked")}
        """).fetchall()[0][0]
    db.execute("DROP TABLE asked_words; DROP TABLE title_words")
    if found < _FEW_FOUND or folded > found + _FOLDING_FINDS:
        way_out = f"; --fold (case and punctuation) makes it {folded:.1%}" if folded > found + _FOLDING_FINDS else ""
        such_as = f", {missing[0]!r} for one not" if missing else ""
        doubts.warnings.append(f"only {found:.1%} of query words stand in any title{such_as}{way_out}")
