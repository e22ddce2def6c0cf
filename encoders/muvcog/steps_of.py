"""The sessions that a contrast learns from: as they were, or with the steps of strangers."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench.data.batch import SessionBatch
from bench.data.csr import expand_ranges
from bench.data.schema import KINDS
from bench.training.context import TrainingContext


class ContrastedSessions(Protocol):
    """Sessions by row, their steps, and what was clicked in each."""

    def steps(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """``(queries, owner)``, (T,) both: query rows of these sessions (B,), and the place in ``rows`` of each."""

    def batch(self, rows: NDArray[np.int64]) -> SessionBatch:
        """These sessions (B,)."""

    def clicks(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """``(items, owner)``: the clicked items of these sessions (B,), and the place in ``rows`` of each."""


class OwnSteps:
    """The sessions of the corpus.

    Args:
        context: says which corpus.
    """

    def __init__(self, context: TrainingContext) -> None:
        self._context = context

    def steps(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """See :class:`ContrastedSessions`."""
        starts = np.asarray(self._context.corpus.columns.session_queries)
        return expand_ranges(starts[rows], starts[rows + 1])

    def batch(self, rows: NDArray[np.int64]) -> SessionBatch:
        """See :class:`ContrastedSessions`."""
        return self._context.sessions(rows)

    def clicks(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """See :class:`ContrastedSessions`."""
        return self._context.clicks.of_sessions(rows)


class StrangersSteps:
    """The same sessions after their steps were exchanged: a control for what belongs together in a session.

    One random permutation, which follows from the seed, puts every step of a training session in the place of another
    of the same kind, and every step of a validation session likewise; sessions of the test split stay as they are. So a
    session keeps its length and the kinds of its steps, a step keeps its words, its image and its clicks, and only the
    company that it keeps is new.

    Args:
        context: corpus and seed.

    Attributes:
        step: (Q,) the query row that stands in the place of each.
    """

    def __init__(self, context: TrainingContext) -> None:
        self._context, columns = context, context.corpus.columns
        kind, session = np.asarray(columns.query_kind), np.asarray(columns.query_session)
        self.step = np.arange(len(session))
        draws = context.generator("steps of strangers")
        for sessions in (context.training_sessions(), context.validation_sessions()):
            for code in range(len(KINDS)):
                places = np.flatnonzero(np.isin(session, sessions) & (kind == code))
                self.step[places] = draws.permutation(places)

    def steps(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """See :class:`ContrastedSessions`."""
        places, session = OwnSteps(self._context).steps(rows)
        return self.step[places], session

    def batch(self, rows: NDArray[np.int64]) -> SessionBatch:
        """See :class:`ContrastedSessions`."""
        steps, session = self.steps(rows)
        return SessionBatch.from_steps(self._context.corpus, steps, session, len(rows), self._context.features)

    def clicks(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """See :class:`ContrastedSessions`."""
        steps, session = self.steps(rows)
        items, owner = self._context.clicks.of_queries(steps)
        return items, session[owner]
