"""How an event log becomes a corpus."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.data.published import DOWNSTREAM_SESSIONS
from bench.data.splits import check_sample, check_shares
from bench.errors import BenchError


@dataclass(frozen=True)
class IngestOptions:
    """How a log becomes a corpus.

    Attributes:
        idle_minutes: a user's longer silence ends a session; not used where the log has session ids.
        keep_text_only: keep sessions without an image query, which the paper drops.
        test_share, valid_share: of all sessions.
        downstream: sessions in the sample that downstream models use.
        seed: of the split and of the sample.
        missing_images: ``error``, or ``drop`` to go on without images that have no vector.
        memory_limit: of DuckDB, such as ``2GB``; what does not fit goes to a folder beside the corpus.
        threads: of DuckDB.
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
        """Raises a BenchError that names an option out of range."""
        check_shares(self.test_share, self.valid_share)
        if not 0 < self.idle_minutes < math.inf:
            raise BenchError(f"{self.idle_minutes} is not a time", where="idle_minutes", fix="give minutes above 0")
        check_sample(self.downstream)
        if self.missing_images not in ("error", "drop"):
            raise BenchError(f"{self.missing_images!r} is unknown", where="missing_images", fix="error or drop")
