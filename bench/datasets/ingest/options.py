"""The options of ``bench data ingest``."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.data.published import DOWNSTREAM_SESSIONS
from bench.data.splits import check_sample, check_shares
from bench.errors import BenchError


@dataclass(frozen=True)
class IngestOptions:
    """Options of an ingestion.

    Attributes:
        idle_minutes: a user's session ends after so many minutes without a query; not used where the log has session
            ids. The paper's section 4.1 takes 30.
        keep_text_only: keep sessions without an image query, which the paper drops.
        test_share, valid_share: shares of all sessions.
        downstream: number of sessions in the sample that downstream models use.
        seed: of the split and of the sample.
        missing_images: ``error`` refuses an image without a vector, ``drop`` leaves it out.
        memory_limit: DuckDB's, such as ``2GB``; the rest goes to a folder beside the corpus.
        threads: DuckDB's.
    """

    idle_minutes: float = 30.0
    keep_text_only: bool = False
    test_share: float = 0.2
    valid_share: float = 0.1
    downstream: int = DOWNSTREAM_SESSIONS
    seed: int = 0
    missing_images: str = "error"
    memory_limit: str = "2GB"
    threads: int = 2

    def check(self) -> None:
        """Checks the values.

        Raises:
            BenchError: names an option that is out of range.
        """
        check_shares(self.test_share, self.valid_share)
        if not 0 < self.idle_minutes < math.inf:
            raise BenchError(f"{self.idle_minutes} is not a time", where="idle_minutes", fix="give minutes above 0")
        check_sample(self.downstream)
        if self.missing_images not in ("error", "drop"):
            raise BenchError(f"{self.missing_images!r} is unknown", where="missing_images", fix="error or drop")
