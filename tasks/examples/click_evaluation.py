"""Scores of everything that was shown, of some queries: made ready once, taken after every epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.contracts import ClickBatch
from bench.data.candidates import Candidates, all_candidates
from bench.training.session_vectors import JoinedClickModel
from tasks.examples.click import ClickExamples

_QUERIES = 512  # scored at a time
_ITEMS = 2048  # encoded at a time: with their images, about what a processor's cache holds


class ClickEvaluation:
    """Some queries with all items that each showed.

    Args:
        examples: of the corpus.
        queries: (Q,) rows.

    Attributes:
        candidates: (Q, K) the items, in the order shown.
    """

    def __init__(self, examples: ClickExamples, queries: NDArray[np.int64]) -> None:
        self._examples, self._queries = examples, queries
        self.candidates = all_candidates(examples.corpus, queries)

    @torch.no_grad()
    def scores(self, scorer: Callable[[ClickBatch], Tensor]) -> NDArray[np.float32]:
        """(Q, K) what ``scorer`` says of each batch (B, K)."""
        return np.concatenate([scorer(batch).cpu().numpy() for _, batch in self._batches()])

    @torch.no_grad()
    def scores_of(self, model: JoinedClickModel) -> NDArray[np.float32]:
        """(Q, K) scores of a model in evaluation mode; each item is encoded once where the model allows it."""
        if not model.model.independent_items:
            return self.scores(model)
        vectors = torch.cat([model.model.items(batch)[0] for batch in self._item_batches()])  # (N, e)
        parts = []
        for rows, batch in self._batches():
            place = self._distinct[1][rows]  # (B, K)
            shown = vectors.index_select(0, place.flatten()).view(*place.shape, -1)  # (B, K, e)
            parts.append(model.model.match(model.context(batch), shown).cpu().numpy())
        return np.concatenate(parts)

    @cached_property
    def _distinct(self) -> tuple[NDArray[np.int64], Tensor]:
        """The (N,) distinct items, ascending, and the place (Q, K) of each candidate among them."""
        items, place = np.unique(self.candidates.items, return_inverse=True)
        return items, torch.from_numpy(place.reshape(self.candidates.items.shape)).to(self._examples.features.device)

    def _batches(self) -> Iterator[tuple[slice, ClickBatch]]:
        every = self.candidates
        for start in range(0, len(self._queries), _QUERIES):
            rows = slice(start, start + _QUERIES)
            some = Candidates(every.items[rows], every.clicked[rows], every.shown[rows])
            yield rows, self._examples.batch(self._queries[rows], some)

    def _item_batches(self) -> Iterator[ClickBatch]:
        """The distinct items, as if one query had shown so many of them at a time."""
        items, _ = self._distinct
        for start in range(0, len(items), _ITEMS):
            some = items[None, start : start + _ITEMS]
            nowhere = np.zeros(some.shape, dtype=bool)
            yield self._examples.batch(self._queries[:1], Candidates(some, nowhere, ~nowhere))
