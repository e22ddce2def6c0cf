"""Scores of everything that was shown, of some queries: made ready once, taken after every epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.contracts import ClickBatch
from bench.data.candidates import Candidates, ShownCandidates
from bench.metrics.ranking import Floats, ranking_metrics
from bench.training.session_vectors import JoinedClickModel
from tasks.examples.click import ClickExamples

_QUERIES = 512  # scored at a time
_ITEMS = 2048  # encoded at a time: with their images, about what a processor's cache holds


@dataclass(frozen=True)
class ScoredQueries:
    """Some queries of an evaluation, scored.

    Attributes:
        rows: their places among all.
        candidates: (B, K) what they showed.
        scores: (B, K).
    """

    rows: slice
    candidates: Candidates
    scores: NDArray[np.float32]

    def metrics(self) -> dict[str, Floats]:
        """(B,) of each ranking metric."""
        return ranking_metrics(self.scores, self.candidates.clicked, self.candidates.shown)


class ClickEvaluation:
    """Some queries with all items that each showed. Scores are handed on as they come: all of them are many.

    Args:
        examples: of the corpus.
        queries: (Q,) rows.
    """

    def __init__(self, examples: ClickExamples, queries: NDArray[np.int64]) -> None:
        self._examples, self._queries = examples, queries
        self._shown = ShownCandidates(examples.corpus, queries)

    def scored(self, scorer: Callable[[ClickBatch], Tensor]) -> Iterator[ScoredQueries]:
        """What ``scorer`` says of each batch (B, K), the queries in their order."""
        for rows, candidates in self._parts():
            with torch.no_grad():
                scores = scorer(self._examples.batch(self._queries[rows], candidates))
            yield ScoredQueries(rows, candidates, scores.cpu().numpy())

    def scored_by(self, model: JoinedClickModel) -> Iterator[ScoredQueries]:
        """The same of a model in evaluation mode; each item is encoded once where the model allows it."""
        if not model.model.independent_items:
            return self.scored(model)
        with torch.no_grad():
            vectors = torch.cat([model.model.items(batch)[0] for batch in self._item_batches()])  # (N, e)
        place_of = torch.from_numpy(self._distinct[1]).to(vectors.device)

        def score(batch: ClickBatch) -> Tensor:
            place = place_of[batch.items]  # (B, K)
            shown = vectors.index_select(0, place.flatten()).view(*place.shape, -1)  # (B, K, e)
            return model.model.match(model.context(batch), shown)

        return self.scored(score)

    @cached_property
    def _distinct(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The (n,) distinct items, ascending, and the place of each item of the corpus among them."""
        used = np.zeros(len(self._examples.corpus.columns.item_image), dtype=bool)
        for _, candidates in self._parts():
            used[candidates.items] = True
        return np.flatnonzero(used), np.cumsum(used, dtype=np.int32) - np.int32(1)

    def _parts(self) -> Iterator[tuple[slice, Candidates]]:
        for start in range(0, len(self._queries), _QUERIES):
            rows = slice(start, min(start + _QUERIES, len(self._queries)))
            yield rows, self._shown.take(rows)

    def _item_batches(self) -> Iterator[ClickBatch]:
        """The distinct items, as if one query had shown so many of them at a time."""
        items, _ = self._distinct
        for start in range(0, len(items), _ITEMS):
            some = items[None, start : start + _ITEMS]
            nowhere = np.zeros(some.shape, dtype=bool)
            yield self._examples.batch(self._queries[:1], Candidates(some, nowhere, ~nowhere))


def metrics_of(parts: Iterable[ScoredQueries]) -> dict[str, Floats]:
    """(Q,) of each ranking metric."""
    found = [part.metrics() for part in parts]
    return {name: np.concatenate([of[name] for of in found]) for name in found[0]}
