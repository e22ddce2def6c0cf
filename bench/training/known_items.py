"""A ranker of simulated items whose latents are known, by an intent that somebody has read from a session."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from bench.data.columns import Columns
from bench.data.csr import expand_ranges
from bench.data.truth import Truth

MOST_QUERIES = 20_000
"""Queries at most that the weights are estimated on."""


class KnownItems:
    r"""Ranks items with latents [a ; u] by an intent x, as well as weights fitted on clicks can:

    .. math:: s_i = \alpha \langle x_{text}, a_i \rangle + \beta \langle x_{visual}, u_i \rangle
        + \langle \gamma, [a_i ; u_i] \rangle

    The last term is what is good for everybody. The weights maximise the likelihood of a softmax over each list, every
    click one choice.

    Args:
        columns: of the corpus.
        truth: its truth; of this, the items' latents alone are read.
        intents: (Q, d) what somebody takes for the intent of each query.
        queries: (n,) rows of the queries to fit the weights on, each with a click.
    """

    def __init__(
        self, columns: Columns, truth: Truth, intents: NDArray[np.float32], queries: NDArray[np.int64]
    ) -> None:
        self._items, self._text, self._intents = np.asarray(truth.items), truth.text_dim, intents
        self._weights = self._fit(columns, queries[:MOST_QUERIES])

    def scores(self, queries: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
        """(B, K) scores of items (B, K) for queries (B,)."""
        terms = self._terms(np.repeat(queries, items.shape[1]), items.reshape(-1))  # (B K, 2 + d)
        return (terms @ self._weights).reshape(items.shape).astype(np.float32)

    def _terms(self, query: NDArray[np.int64], item: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n, 2 + d) what the weights multiply, of n pairs of a query and an item."""
        latents = self._items[item].astype(np.float64)  # (n, d)
        product, text = self._intents[query] * latents, self._text
        sides = [product[:, :text].sum(axis=1, keepdims=True), product[:, text:].sum(axis=1, keepdims=True)]
        return np.concatenate([*sides, latents], axis=1)

    def _fit(self, columns: Columns, query: NDArray[np.int64]) -> NDArray[np.float64]:
        """(2 + d,) the weights."""
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
            return float(value / clicks.sum()), gradient / clicks.sum()

        found = minimize(loss, np.zeros(terms.shape[1]), jac=True, method="L-BFGS-B")
        weights: NDArray[np.float64] = found.x
        return weights
