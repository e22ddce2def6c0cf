"""Ceilings: how well the items of a simulated corpus can be ranked by one who knows its truth.

They say how much there was to be had, so that a gain can be read: ``best-current`` and ``best-prefix`` know the items'
latents and read the session as well as a linear reader can, ``oracle-intent`` knows what the shopper wants, ``oracle``
knows the utility of each item for her, place included, and lacks the chance in her clicks alone. No model can open what
they read (:mod:`bench.data.truth`).
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from baselines.references.linear_reader import read_intents
from baselines.references.shown import impression_rows
from bench.contracts import ClickBatch, ClickCorpus, ClickDims, ClickReference
from bench.data.columns import Columns
from bench.data.truth import Truth, read_truth
from bench.training.known_items import KnownItems


class Oracle(ClickReference):
    """Candidates by their true utility.

    Args:
        dims: not used.
    """

    def __init__(self, dims: ClickDims) -> None:
        super().__init__(dims)
        self._columns: Columns | None = None
        self._utilities = np.zeros(0, dtype=np.float32)

    def prepare(self, data: ClickCorpus) -> None:
        """Opens the truth."""
        self._columns, self._utilities = data.corpus.columns, read_truth(data.corpus).utilities

    def scores(self, batch: ClickBatch) -> Tensor:
        """(B, K) utilities."""
        assert self._columns is not None
        row = impression_rows(self._columns, batch)  # (B, K)
        scores = np.where(row >= 0, self._utilities[np.maximum(row, 0)], np.float32(0))
        return torch.from_numpy(scores).to(batch.items.device)


class _Reader(ClickReference):
    """Ranks items with known latents by what it takes for the intent (:class:`bench.training.known_items.KnownItems`).

    Args:
        dims: not used.
    """

    def __init__(self, dims: ClickDims) -> None:
        super().__init__(dims)
        self._ranker: KnownItems | None = None

    @abstractmethod
    def read(self, data: ClickCorpus, truth: Truth) -> NDArray[np.float32]:
        """(Q, d) the intent that is taken for each query's."""

    def prepare(self, data: ClickCorpus) -> None:
        """Reads the intents and fits the ranker's weights."""
        truth = read_truth(data.corpus)
        self._ranker = KnownItems(data.corpus.columns, truth, self.read(data, truth), data.training_queries)

    def scores(self, batch: ClickBatch) -> Tensor:
        """(B, K) scores."""
        assert self._ranker is not None
        scores = self._ranker.scores(batch.queries.cpu().numpy(), batch.items.cpu().numpy())
        return torch.from_numpy(scores).to(batch.items.device)


class OracleIntent(_Reader):
    """Knows the true intent of every query; not the shopper's taste, the items' own quality and the place's effect."""

    def read(self, data: ClickCorpus, truth: Truth) -> NDArray[np.float32]:
        """(Q, d) the true intents."""
        return np.asarray(truth.intents)


class BestCurrent(_Reader):
    """Reads the current query with the best linear reader."""

    def read(self, data: ClickCorpus, truth: Truth) -> NDArray[np.float32]:
        """(Q, d) intents read from each query alone."""
        return read_intents(data.corpus, truth.intents, prefix=False)


class BestPrefix(_Reader):
    """Reads the session up to the current query with the best linear reader: all that a session encoder is given."""

    def read(self, data: ClickCorpus, truth: Truth) -> NDArray[np.float32]:
        """(Q, d) intents read from each query's prefix."""
        return read_intents(data.corpus, truth.intents, prefix=True)
