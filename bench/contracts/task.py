"""What a task must be, and what it returns: scores per unit, never just a mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from bench.data.corpus import Corpus
    from bench.training.context import TrainingContext
    from bench.training.session_vectors import SessionVectors


Baseline = TypeVar("Baseline")
"""What a task trains: a :class:`ClickModel`, or whatever a plugin's own task asks for."""


@dataclass(frozen=True)
class TaskResult:
    """What a task returns: numbers per unit, never just a mean.

    Attributes:
        scores: one row per evaluated unit and metric: ``unit`` (query or session id), ``user``, ``metric``, ``value``.
        predictions: what the scores were computed from, so that a bug in a metric does not cost the run again.
        curve: one row per epoch: ``epoch``, ``train_loss``, ``valid`` (the validation metric).
        pooled: metrics of the whole test split that are no mean over units, such as AUC. Whoever tests them needs
            ``predictions`` that they can be computed from again.
    """

    scores: pd.DataFrame
    predictions: pd.DataFrame
    curve: pd.DataFrame
    pooled: dict[str, float] = field(default_factory=dict)


class Task(ABC, Generic[Baseline]):
    """Builds its examples from a corpus, trains a baseline with an encoder, and scores every unit of the test split."""

    @abstractmethod
    def units(self, corpus: Corpus) -> NDArray[np.int64]:
        """(units,) query rows, ascending, whose prefixes the task wants encoded."""

    @abstractmethod
    def run(
        self,
        corpus: Corpus,
        baseline: type[Baseline],
        options: Mapping[str, Any],
        sessions: SessionVectors,
        context: TrainingContext,
    ) -> TaskResult:
        """Trains and evaluates one cell.

        What it builds of the baseline draws from torch's global generator, which the harness has seeded; nothing of
        the encoder does. So a baseline starts from the seed alone.

        Args:
            corpus: the data.
            baseline: the baseline's class.
            options: what it is built with beside its dimensions.
            sessions: a vector for each of :meth:`units`, finished or from an encoder that is trained along.
            context: seed, device, progress.
        """
