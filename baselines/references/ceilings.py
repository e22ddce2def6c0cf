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
from scipy.optimize import minimize
from torch import Tensor

from baselines.references.linear_reader import read_intents
from baselines.references.shown import impression_rows
from bench.contracts import ClickBatch, ClickCorpus, ClickDims, ClickReference
from bench.data.columns import Columns
from bench.data.csr import expand_ranges
from bench.data.truth import Truth, read_truth

_FITTED_ON = 20_000  # training queries at most, of which the weights of the ranker are estimated


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


class _KnownItems(ClickReference):
    r"""Ranks items with known latents by an intent x, as well as weights fitted on training clicks can:

    .. math:: s_i = \alpha \langle x_{text}, a_i \rangle + \beta \langle x_{visual}, u_i \rangle
        + \langle \gamma, [a_i ; u_i] \rangle

    The last term is what is good for everybody. The weights maximise the likelihood of a softmax over each list, every
    click one choice.

    Args:
        dims: not used.
    """

    def __init__(self, dims: ClickDims) -> None:
        super().__init__(dims)
        self._items = self._intents = np.zeros((0, 0), dtype=np.float32)
        self._weights, self._text = np.zeros(0), 0

    @abstractmethod
    def read(self, data: ClickCorpus, truth: Truth) -> NDArray[np.float32]:
        """(Q, d) the intent that is taken for each query's."""

    def prepare(self, data: ClickCorpus) -> None:
        """Reads the intents and fits the weights."""
        truth = read_truth(data.corpus)
        self._items, self._text = np.asarray(truth.items), truth.text_dim
        self._intents = self.read(data, truth)
        self._weights = self._fit(data)

    def scores(self, batch: ClickBatch) -> Tensor:
        """(B, K) scores."""
        query, items = batch.queries.cpu().numpy(), batch.items.cpu().numpy()
        terms = self._terms(np.repeat(query, items.shape[1]), items.reshape(-1))  # (B K, 2 + d)
        scores = (terms @ self._weights).reshape(items.shape)
        return torch.from_numpy(scores.astype(np.float32)).to(batch.items.device)

    def _terms(self, query: NDArray[np.int64], item: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n, 2 + d) what the weights multiply, of n pairs of a query and an item."""
        latents = self._items[item].astype(np.float64)  # (n, d)
        product, text = self._intents[query] * latents, self._text
        sides = [product[:, :text].sum(axis=1, keepdims=True), product[:, text:].sum(axis=1, keepdims=True)]
        return np.concatenate([*sides, latents], axis=1)

    def _fit(self, data: ClickCorpus) -> NDArray[np.float64]:
        """(2 + d,) the weights."""
        columns, query = data.corpus.columns, data.training_queries[:_FITTED_ON]
        row, _ = expand_ranges(columns.query_impressions[query], columns.query_impressions[query + 1])  # (P,)
        shown = np.diff(columns.query_impressions)[query]
        start, owner = np.cumsum(shown) - shown, np.repeat(np.arange(len(query)), shown)
        terms = self._terms(query[owner], columns.impression_item[row].astype(np.int64))  # (P, 2 + d)
        clicked = columns.impression_clicked[row].astype(np.float64)
        clicks = np.add.reduceat(clicked, start)  # (n,)

        def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            score = terms @ weights
            score -= np.maximum.reduceat(score, start)[owner]
            odds = np.exp(score)
            total = np.add.reduceat(odds, start)
            value = (clicks * np.log(total)).sum() - clicked @ score
            gradient = terms.T @ ((clicks / total)[owner] * odds - clicked)
            size = clicks.sum()
            return float(value / size), gradient / size

        found = minimize(loss, np.zeros(terms.shape[1]), jac=True, method="L-BFGS-B")
        weights: NDArray[np.float64] = found.x
        return weights


class OracleIntent(_KnownItems):
    """Knows the true intent of every query; not the shopper's taste, the items' own quality and the place's effect."""

    def read(self, data: ClickCorpus, truth: Truth) -> NDArray[np.float32]:
        """(Q, d) the true intents."""
        return np.asarray(truth.intents)


class BestCurrent(_KnownItems):
    """Reads the current query with the best linear reader."""

    def read(self, data: ClickCorpus, truth: Truth) -> NDArray[np.float32]:
        """(Q, d) intents read from each query alone."""
        return read_intents(data.corpus, truth.intents, prefix=False)


class BestPrefix(_KnownItems):
    """Reads the session up to the current query with the best linear reader: all that a session encoder is given."""

    def read(self, data: ClickCorpus, truth: Truth) -> NDArray[np.float32]:
        """(Q, d) intents read from each query's prefix."""
        return read_intents(data.corpus, truth.intents, prefix=True)
