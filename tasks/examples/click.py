"""Examples of click prediction: one per query with a clicked and an unclicked shown item."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.contracts import ClickBatch
from bench.data.batch import SessionBatch
from bench.data.candidates import Candidates, ShownCandidates
from bench.data.clicks import rankable_queries
from bench.data.corpus import Corpus
from bench.data.csr import Integers
from bench.data.features import Features

_KEPT_TEXTS = 1 << 18  # queries, and items, whose mean word vectors are kept for all epochs
_DEALT_AT_ONCE = 1 << 14  # queries


def example_queries(corpus: Corpus, split: str | None = None) -> NDArray[np.int64]:
    """Rows of the downstream sample's queries with at least one clicked and one unclicked shown item."""
    return rankable_queries(corpus, corpus.session_rows(split, downstream=True))


def user_codes(corpus: Corpus, min_sessions: int, training: Integers | None = None) -> NDArray[np.int64]:
    """(S,) code of each session's user: 1, 2 … for users with enough training sessions downstream, 0 for all others.

    Nothing can be learnt of a user that training sees once, and most users of test sessions are never seen at all, so
    these share one code that training meets often.

    Args:
        corpus: the data.
        min_sessions: training sessions that are enough.
        training: rows of the sessions that a model trains on; by default all training sessions downstream.
    """
    users = corpus.columns.session_user
    training = users[corpus.session_rows("train", downstream=True) if training is None else training]
    seen = np.bincount(training[training >= 0], minlength=corpus.num_users + 1)
    known = seen >= min_sessions
    code = np.where(known, np.cumsum(known), 0)
    return np.where(users >= 0, code[users], 0)


def sampled_candidates(candidates: Candidates, negatives: int, rng: np.random.Generator) -> Candidates:
    """One random clicked item of each query and ``negatives`` random unclicked ones (all, where it has fewer)."""
    draw = rng.random(candidates.items.shape)
    positive = np.where(candidates.clicked, draw, -1.0).argmax(1)  # (B,)
    unclicked = candidates.shown & ~candidates.clicked
    order = np.argsort(np.where(unclicked, draw, 2.0), axis=1)[:, :negatives]
    chosen = np.concatenate([positive[:, None], order], axis=1)  # (B, 1 + negatives)
    usable = np.take_along_axis(unclicked, chosen, 1)
    usable[:, 0] = True
    items = np.where(usable, np.take_along_axis(candidates.items, chosen, 1), 0)
    return Candidates(items, np.take_along_axis(candidates.clicked, chosen, 1) & usable, usable)


class TrainingCandidates:
    """What the queries that are trained on showed, dealt anew in every epoch.

    Args:
        corpus: the data.
        queries: (Q,) rows.
        negatives: unclicked items of each query in an epoch; 0 deals everything shown.
    """

    def __init__(self, corpus: Corpus, queries: NDArray[np.int64], negatives: int) -> None:
        self._shown, self._queries, self._negatives = ShownCandidates(corpus, queries), len(queries), negatives

    def deal(self, rng: np.random.Generator) -> Callable[[NDArray[np.int64]], Candidates]:
        """An epoch: from places (B,) among the queries to their candidates. What is drawn is :func:`sampled_candidates`
        of all queries at once, whether they fit in memory or not.
        """
        if not self._negatives:
            return self._shown.take
        parts = (
            sampled_candidates(self._shown.take(slice(start, start + _DEALT_AT_ONCE)), self._negatives, rng)
            for start in range(0, self._queries, _DEALT_AT_ONCE)
        )
        return Candidates.stacked(parts, self._queries, 1 + min(self._negatives, self._shown.width)).take


class ClickExamples:
    """Deals :class:`bench.contracts.ClickBatch` es of a corpus, and looks up what they hold.

    Args:
        corpus: the data.
        features: its vectors, on the device.
        min_user_sessions, training: see :func:`user_codes`.
    """

    def __init__(
        self, corpus: Corpus, features: Features, min_user_sessions: int, training: Integers | None = None
    ) -> None:
        self.corpus, self.features = corpus, features
        self.users = user_codes(corpus, min_user_sessions, training)
        self.num_users = int(self.users.max(initial=0)) + 1
        # plain arrays: an index into a memory map makes a memory map, which takes longer than the numbers
        self._query_session, self._image = (
            np.asarray(column) for column in (corpus.columns.query_session, corpus.columns.item_image)
        )

    @cached_property
    def _item_text(self) -> Tensor | None:
        """(N, dims.words) of all items; None if they are many."""
        items = len(self.corpus.columns.item_image)
        return self._mean_words_of_items(np.arange(items)) if items <= _KEPT_TEXTS else None

    def _mean_words_of_items(self, items: NDArray[np.int64]) -> Tensor:
        columns = self.corpus.columns
        return self.features.mean_words(columns.item_word_offsets, columns.item_words, items)

    @cached_property
    def _query_text(self) -> tuple[NDArray[np.int64], Tensor]:
        """(n,) rows of all queries that are an example, ascending, and their (n, dims.words); none if they are many."""
        queries = example_queries(self.corpus)
        queries = queries if len(queries) <= _KEPT_TEXTS else queries[:0]  # many are looked up batch by batch
        return queries, self._mean_words_of(queries)

    def _mean_words_of(self, queries: NDArray[np.int64]) -> Tensor:
        columns = self.corpus.columns
        return self.features.mean_words(columns.query_word_offsets, columns.query_words, queries)

    def batch(self, queries: Integers, candidates: Candidates) -> ClickBatch:
        """The examples of these queries (B,) with these candidates."""
        device = self.features.device
        return ClickBatch(
            queries=torch.from_numpy(np.asarray(queries, dtype=np.int64)).to(device),
            users=torch.from_numpy(self.users[self._query_session[queries]]).to(device),
            items=torch.from_numpy(candidates.items.astype(np.int64)).to(device),
            shown=torch.from_numpy(candidates.shown).to(device),
            clicks=torch.from_numpy(candidates.clicked.astype(np.float32)).to(device),
            lookup=self,
        )

    def sessions(self, queries: Tensor) -> SessionBatch:
        """The prefixes that end with these query rows (B,)."""
        return SessionBatch.from_prefixes(self.corpus, queries.cpu().numpy(), self.features)

    def query_text(self, queries: Tensor) -> Tensor:
        """(B, dims.words) mean word vectors of these query rows (B,)."""
        (known, text), rows = self._query_text, queries.cpu().numpy()
        place = np.searchsorted(known, rows)
        if len(known) and (known.take(place, mode="clip") == rows).all():
            return text.index_select(0, torch.from_numpy(place).to(text.device))
        return self._mean_words_of(rows)  # a query that is no example, or one of many

    def item_text(self, items: Tensor) -> Tensor:
        """(B, K, dims.words) mean word vectors of the titles of these item rows (B, K)."""
        kept, rows = self._item_text, items.flatten()
        found = self._mean_words_of_items(rows.cpu().numpy()) if kept is None else kept.index_select(0, rows)
        return found.view(*items.shape, -1)

    def item_images(self, items: Tensor) -> Tensor:
        """(B, K, dims.images) image vectors of these item rows (B, K), zero without an image."""
        images = self._image[items.cpu().numpy()].astype(np.int64)
        return self.features.images_or_zero(torch.from_numpy(images).to(self.features.device))
