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
        return self._filled((rows, scorer(batch)) for rows, batch in self._batches())

    @torch.no_grad()
    def scores_of(self, model: JoinedClickModel) -> NDArray[np.float32]:
        """(Q, K) scores of a model in evaluation mode; each item is encoded once where the model allows it."""
        if not model.model.independent_items:
            return self.scores(model)
        vectors = torch.cat([model.model.items(batch)[0] for batch in self._item_batches()])  # (N, e)

        def scored() -> Iterator[tuple[slice, Tensor]]:
            for rows, batch in self._batches():
                place = torch.from_numpy(self._distinct[1][self.candidates.items[rows]]).to(vectors.device)  # (B, K)
                shown = vectors.index_select(0, place.flatten()).view(*place.shape, -1)  # (B, K, e)
                yield rows, model.model.match(model.context(batch), shown)

        return self._filled(scored())

    def _filled(self, parts: Iterator[tuple[slice, Tensor]]) -> NDArray[np.float32]:
        """(Q, K) of the scores of some rows after the other."""
        every = np.empty(self.candidates.items.shape, dtype=np.float32)
        for rows, scores in parts:
            every[rows] = scores.cpu().numpy()
        return every

    @cached_property
    def _distinct(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The (n,) distinct items, ascending, and the place of each item of the corpus among them."""
        used = np.zeros(len(self._examples.corpus.columns.item_image), dtype=bool)
        for start in range(0, len(self._queries), _QUERIES):
            used[self.candidates.items[start : start + _QUERIES]] = True
        return np.flatnonzero(used), np.cumsum(used, dtype=np.int32) - np.int32(1)

    def _batches(self) -> Iterator[tuple[slice, ClickBatch]]:
        for start in range(0, len(self._queries), _QUERIES):
            rows = slice(start, start + _QUERIES)
            yield rows, self._examples.batch(self._queries[rows], self.candidates.take(rows))

    def _item_batches(self) -> Iterator[ClickBatch]:
        """The distinct items, as if one query had shown so many of them at a time."""
        items, _ = self._distinct
        for start in range(0, len(items), _ITEMS):
            some = items[None, start : start + _ITEMS]
            nowhere = np.zeros(some.shape, dtype=bool)
            yield self._examples.batch(self._queries[:1], Candidates(some, nowhere, ~nowhere))
