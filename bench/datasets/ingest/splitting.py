"""The kept sessions of a log in training, validation and test: at random, by time, by user."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.data.held_out import LEFT_OUT, borders_of, split_sessions
from bench.data.schema import TRAIN
from bench.data.shuffling import Zeros
from bench.data.split_kinds import left_out_caveats
from bench.datasets.ingest.given_split import given_split
from bench.datasets.ingest.options import IngestOptions

_PERIODS = """
SELECT start, greatest(start, last_query, coalesce(last_click, last_query)) AS last
FROM sessions JOIN (
    SELECT session, max(steps.time) AS last_query, max(click_time) AS last_click
    FROM steps LEFT JOIN (FROM shown WHERE click_time IS NOT NULL) AS clicked USING (q) GROUP BY session
) AS events USING (session) ORDER BY session
"""

_ONLY_STAYING = """
CREATE TABLE staying_sessions AS
SELECT session_id, user, start, steps, place AS session,
       sum(steps) OVER (ORDER BY place ROWS UNBOUNDED PRECEDING) - steps AS first_step
FROM sessions JOIN staying USING (session);
CREATE TABLE staying_steps AS
SELECT q, place AS session, position, time, kind, picture, kept.first_step + position AS step
FROM steps JOIN staying USING (session) JOIN staying_sessions AS kept ON kept.session = place;
DROP TABLE sessions; DROP TABLE steps;
ALTER TABLE staying_sessions RENAME TO sessions; ALTER TABLE staying_steps RENAME TO steps
"""

_SHOWN_IN_TRAINING = """
CREATE TABLE known_early AS
SELECT DISTINCT shown.item FROM shown JOIN steps USING (q) WHERE session < {sessions}
"""


@dataclass(frozen=True)
class LogSplit:
    """The split of a log's sessions.

    Attributes:
        of_session: (S,) split code of each session that is left, in their order.
        dropped: rows of sessions that are left out, by reason.
        notes: how the log was split.
        warnings: what is odd about that.
        caveats: what a table of the corpus has to say under it.
        titles: whose titles word vectors may be made from, in words.
        usable_titles: the same as a condition on a row of ``items``, in SQL.
    """

    of_session: NDArray[np.int8]
    dropped: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    titles: str = "item titles"
    usable_titles: str = "true"


def split_log(db: duckdb.DuckDBPyConnection, options: IngestOptions, zeros: Zeros = np.zeros) -> LogSplit:
    """Splits the sessions; by time, those that reach into the next period go, from ``sessions`` and from ``steps``.

    By time, no word vector may know what the catalogue became later, and a log does not say when an item came into it.
    So titles count of those items alone that a training session was shown. A split that the log brings along stays,
    unless one by time or by user is asked for.

    Args:
        db: the database, with ``sessions``, ``steps`` and ``shown``.
        options: ``split``, the shares and the seed.
        zeros: makes the arrays of a random split, which may lie on disk.
    """

    if options.split == "random":
        given = given_split(db, options.valid_share, options.seed)
        if given is not None:
            split, mixed = given
            said = f"{mixed:,} sessions have queries of several splits; each is of the last of them"
            notes = ("the split is the log's own: column split of queries",)
            return LogSplit(split, notes=notes, warnings=(said,) if mixed else ())

    def column(sql: str, name: str) -> NDArray[np.int64]:
        values: NDArray[np.int64] = np.asarray(db.execute(sql).fetchnumpy()[name], dtype=np.int64)
        return values

    def period() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        found = db.execute(_PERIODS).fetchnumpy()
        return np.asarray(found["start"], dtype=np.int64), np.asarray(found["last"], dtype=np.int64)

    users = "SELECT session, if(user IS NULL, -1, dense_rank() OVER (ORDER BY user)) AS code FROM sessions"
    split = split_sessions(
        options.split,
        db.execute("SELECT count(*) FROM sessions").fetchall()[0][0],
        test_share=options.test_share,
        valid_share=options.valid_share,
        seed=options.seed,
        user=lambda: column(f"SELECT code FROM ({users}) ORDER BY session", "code"),
        period=period,
        zeros=zeros,
    )
    if options.split == "random":
        return LogSplit(split)
    if options.split == "user":
        alone = db.execute("SELECT count(*) FROM sessions WHERE user IS NULL").fetchall()[0][0]
        more = f"; {alone:,} sessions without a user are users of their own" if alone else ""
        return LogSplit(split, notes=(f"split by user: none has sessions in two splits{more}",))
    start = column("SELECT start FROM sessions ORDER BY session", "start")
    stays = split != LEFT_OUT
    dropped = {
        "sessions that reach into the period of the next split": int(np.count_nonzero(~stays)),
        "queries of sessions that reach into the period of the next split": _take_out(db, stays),
    }
    borders = borders_of(start[stays], split[stays])
    note = f"split by time: validation begins {_minute(borders.valid)}, test {_minute(borders.test)}"
    # sessions are numbered by their starts, so that those of training come first
    db.execute(_SHOWN_IN_TRAINING.format(sessions=int(np.count_nonzero(split == TRAIN))))
    return LogSplit(
        split[stays],
        dropped,
        (note,),
        caveats=left_out_caveats(options.split, int(np.count_nonzero(~stays))),
        titles="the titles of items shown in training",
        usable_titles="item IN (FROM known_early)",
    )


def _take_out(db: duckdb.DuckDBPyConnection, stays: NDArray[np.bool_]) -> int:
    """Leaves sessions out, numbers the others on, and returns how many queries went with them."""
    if stays.all():
        return 0
    rows = np.flatnonzero(stays)
    before = db.execute("SELECT count(*) FROM steps").fetchall()[0][0]
    db.register("staying", pa.table({"session": rows, "place": np.arange(len(rows))}))
    db.execute(_ONLY_STAYING)
    db.unregister("staying")
    left: int = db.execute("SELECT count(*) FROM steps").fetchall()[0][0]
    return int(before) - left


def _minute(milliseconds: int) -> str:
    if milliseconds == np.iinfo(np.int64).max:
        return "never"
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M}"
