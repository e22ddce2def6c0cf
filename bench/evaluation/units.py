"""What stored scores are about, found again in the corpus: the query or session row behind each unit's id."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bench.data.clicks import Clicks
from bench.data.corpus import Corpus
from bench.data.csr import take_rows
from bench.errors import BenchError


@dataclass(frozen=True, eq=False)
class Units:
    """n units of a corpus.

    Attributes:
        corpus: theirs.
        queries: (n,) row of each unit's query; of a unit that is a session, of its last one.
        whole: units are sessions.
    """

    corpus: Corpus
    queries: NDArray[np.int64]
    whole: bool

    @classmethod
    def of(cls, corpus: Corpus, ids: NDArray[Any], whole: bool) -> Units:
        """The units with these distinct ids (n,).

        Args:
            corpus: where they are.
            ids: of queries, or of sessions.
            whole: they are sessions.

        Raises:
            BenchError: some are not in the corpus.
        """
        table, column = ("sessions", "session_id") if whole else ("queries", "query_id")
        place = pc.index_in(corpus.strings(table, column), value_set=pa.array(ids, type=pa.string()))
        found = np.flatnonzero(place.is_valid().to_numpy())
        if len(found) != len(ids):
            raise BenchError(
                f"{len(ids) - len(found)} of {len(ids)} units are no {table}, so that no slice can hold them",
                where=str(corpus.folder),
                fix="leave out --slice",
            )
        rows = np.empty(len(ids), dtype=np.int64)
        rows[place.drop_null().to_numpy()] = found
        return cls(corpus, corpus.columns.session_queries[rows + 1] - 1 if whole else rows, whole)

    def __len__(self) -> int:
        return len(self.queries)

    @cached_property
    def sessions(self) -> NDArray[np.int64]:
        """(n,) rows of the units' sessions."""
        return np.asarray(self.corpus.columns.query_session[self.queries])

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """(n,) how many steps of the session stand before the unit's query."""
        return np.asarray(self.queries - self.corpus.columns.session_queries[self.sessions])

    @cached_property
    def clicked(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """``(items, owner)``: the clicked items of each unit, and the unit of each."""
        clicks = self._clicks
        return clicks.of_sessions(self.sessions) if self.whole else clicks.of_queries(self.queries)

    @cached_property
    def training_clicks(self) -> NDArray[np.int32]:
        """(c,) the items clicked in training sessions, with repetitions."""
        return self._clicks.of_sessions(self.corpus.session_rows("train"))[0]

    @cached_property
    def next_words(self) -> NDArray[np.int64]:
        """(n,) distinct words of the step after each query; 0 after the last one of all."""
        columns = self.corpus.columns
        following = np.minimum(self.queries + 1, len(columns.query_session) - 1)
        words, owner = take_rows(columns.query_word_offsets, columns.query_words, following)
        pairs = np.unique(owner * np.int64(len(self.corpus.word_vectors)) + words)
        return np.bincount(pairs // max(len(self.corpus.word_vectors), 1), minlength=len(self))

    @cached_property
    def _clicks(self) -> Clicks:
        return Clicks.of(self.corpus)


def in_test_split(corpus: Corpus, whole: bool) -> int:
    """How many queries, or whole sessions, the downstream sample has in the test split."""
    sessions = corpus.session_rows("test", downstream=True)
    if whole:
        return len(sessions)
    offsets = corpus.columns.session_queries
    return int((offsets[sessions + 1] - offsets[sessions]).sum())
