"""The clicked items of whole sessions: they choose negatives in pretraining and label intents; never an input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.data.csr import offsets_of, take_rows


@dataclass(frozen=True)
class SessionClicks:
    """Clicked items of every session of a corpus, with repetitions, as CSR.

    Attributes:
        offsets: (S + 1,).
        items: (clicks,) row of each clicked item.
    """

    offsets: NDArray[np.int64]
    items: NDArray[np.int32]

    @classmethod
    def of(cls, corpus: Corpus) -> SessionClicks:
        """Collects the clicks of all sessions."""
        columns = corpus.columns
        clicked = np.flatnonzero(columns.impression_clicked)
        # an impression's query, then its session: both tables ascend, so counting by boundaries is enough
        boundaries = columns.query_impressions[columns.session_queries]  # (S + 1,) first impression of each session
        per_session = np.diff(np.searchsorted(clicked, boundaries))
        return cls(offsets_of(per_session), columns.impression_item[clicked])

    def of_sessions(self, sessions: NDArray) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """``(items, owner)``: the clicked items of these sessions (B,), and the place in ``sessions`` of each."""
        return take_rows(self.offsets, self.items, sessions)
