"""The options of ``bench data ingest``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

from bench.data.published import DOWNSTREAM_SESSIONS
from bench.data.split_kinds import SplitKind
from bench.plugins.constraints import Above, AtLeast, AtMost, Below, Between, Matching
from bench.plugins.options import declared_options

OnConflict = Literal["stop", "drop"]
TimeUnit = Literal["auto", "s", "ms", "us", "ns", "yyyymmdd", "yyyymmddhhmmss"]
Activity = Literal["clicks", "queries"]
SessionIds = Literal["keep", "cut", "per-user"]
MissingImages = Literal["error", "drop"]

NULLS = ("\\N", "NULL", "null", "(null)", "None", "none", "NaN", "nan", "NaT", "NA", "N/A", "n/a", "#N/A", "<NA>")
"""Texts that are null where they are a whole value: what Hive, SQL clients, pandas, R and spreadsheets write for it."""


@dataclass(frozen=True)
class SessionOptions:
    """Options of every reader of a log: which rows count, how sessions are cut, kept and split.

    Attributes:
        idle_minutes: a user's session ends after so many minutes without activity; not used where the log has session
            ids that are kept. The paper's section 4.1 takes 30.
        activity: ``clicks`` counts queries and clicks as activity, ``queries`` only queries.
        session_ids: ``keep`` takes the log's session ids as they are; ``cut`` also cuts them at ``idle_minutes``;
            ``per-user`` tells sessions of one id and several users apart.
        max_steps: sessions of more queries are dropped as those of a machine; 0 keeps all. Models hold the steps
            of a session in memory at once: one of 10,000 costs ``lstm`` 3.5 GB.
        max_words: queries of more words are refused, or left out where ``on_conflict`` is ``drop``; 0 takes all.
        keep_text_only: keep sessions without an image query, which the paper drops; a log in which no query has an
            image keeps them in any case.
        on_conflict: ``stop`` refuses a log with rows that cannot be read or contradict others, ``drop`` leaves such
            rows out and counts them. Of an item listed twice with other contents the first in order stays, of an item
            shown twice to a query its best rank, of queries or ranks given twice none.
        anonymous: ``stop`` refuses queries without a user (without a session id, where the log has these), ``drop``
            leaves them out.
        missing_images: ``error`` refuses an image without a vector, ``drop`` leaves it out.
        fold: compare words in lower case and without punctuation.
        split: ``random``, by session; ``time``, training before validation before test, where sessions that reach into
            the next period are left out; ``user``, all sessions of a user in one split
            (:mod:`bench.data.held_out`).
        test_share: share of all sessions in the test split.
        valid_share: share of all sessions in the validation split.
        downstream: number of sessions in the sample that downstream models use.
        seed: of the split (one by time has none) and of the sample.
    """

    idle_minutes: Annotated[float, Above(0), AtMost(1e9)] = 30.0
    activity: Activity = "clicks"
    session_ids: SessionIds = "keep"
    max_steps: Annotated[int, Between(0, 1_000_000_000)] = 1_000
    max_words: Annotated[int, Between(0, 1_000_000_000)] = 1_000
    keep_text_only: bool = False
    on_conflict: OnConflict = "stop"
    anonymous: OnConflict = "stop"
    missing_images: MissingImages = "error"
    fold: bool = False
    split: SplitKind = "random"
    test_share: Annotated[float, AtLeast(0), Below(1)] = 0.2
    valid_share: Annotated[float, AtLeast(0), Below(1)] = 0.1
    downstream: Annotated[int, Between(1, 1_000_000_000)] = DOWNSTREAM_SESSIONS
    seed: Annotated[int, Between(0, 2**63 - 1)] = 0


@dataclass(frozen=True)
class ReadingOptions:
    """Options of an ingestion about how files are read.

    Attributes:
        time_unit: of times that are numbers; ``auto`` takes the unit that puts them between 1990 and next year, any
            other is taken as it is.
        memory_limit: DuckDB's, such as ``2GB``; the rest goes to a folder beside the corpus.
        threads: DuckDB's.
    """

    time_unit: TimeUnit = "auto"
    memory_limit: Annotated[str, Matching(r"\d+(\.\d+)?\s?[KMGT]?i?B", "2GB")] = "2GB"
    threads: Annotated[int, Between(1, 1_024)] = 2


@dataclass(frozen=True)
class IngestOptions(ReadingOptions, SessionOptions):
    """Options of an ingestion: those of :class:`SessionOptions`, and how files are read.

    Attributes:
        null: texts that are null, beside empty ones.
        pictures: a folder with image files, whose paths in it are image ids, with or without their endings: small
            pictures of the images that are used go into the corpus, for people; empty for none.
    """

    null: tuple[str, ...] = NULLS
    pictures: str = ""

    @classmethod
    def of_reader(cls, options: SessionOptions, **others: Any) -> IngestOptions:
        """The options of an ingestion of what a reader made: the reader's, and ``others``."""
        return cls(**{field.name: getattr(options, field.name) for field in fields(SessionOptions)}, **others)

    def check(self) -> None:
        """Checks the values.

        Raises:
            BenchError: names an option that is out of range.
        """
        from bench.data.splits import check_shares  # brings numpy, which listing datasets does not need

        for kind in (SessionOptions, ReadingOptions):
            for name, option in declared_options(kind).items():
                option.checked(getattr(self, name))
        check_shares(self.test_share, self.valid_share)
