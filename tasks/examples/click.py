"""Examples of click prediction: one per query with a clicked and an unclicked shown item."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.contracts import ClickBatch
from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.csr import Integers, expand_ranges
from bench.data.features import Features


def example_queries(corpus: Corpus, split: str | None = None) -> NDArray[np.int64]:
    """Rows of the downstream sample's queries with at least one clicked and one unclicked shown item."""
    columns = corpus.columns
    wanted = np.zeros(len(columns.session_split), dtype=bool)
    wanted[corpus.session_rows(split, downstream=True)] = True
    boundaries = columns.query_impressions
    clicks = np.diff(np.concatenate([[0], np.cumsum(columns.impression_clicked)])[boundaries])
    shown = np.diff(boundaries)
    return np.flatnonzero(wanted[columns.query_session] & (clicks > 0) & (clicks < shown))


def user_codes(corpus: Corpus, min_sessions: int) -> NDArray[np.int64]:
    """(S,) code of each session's user: 1, 2 … for users with enough training sessions downstream, 0 for all others.

    Nothing can be learnt of a user that training sees once, and most users of test sessions are never seen at all, so
    these share one code that training meets often.
    """
    users = corpus.columns.session_user
    training = users[corpus.session_rows("train", downstream=True)]
    seen = np.bincount(training[training >= 0], minlength=corpus.num_users + 1)
    known = seen >= min_sessions
    code = np.where(known, np.cumsum(known), 0)
    return np.where(users >= 0, code[users], 0)


@dataclass(frozen=True)
class Candidates:
    """Candidates of B queries, filled up to K.

    Attributes:
        items: (B, K) rows of items, 0 where filled.
        clicked, shown: (B, K) bool.
    """

    items: NDArray[np.int64]
    clicked: NDArray[np.bool_]
    shown: NDArray[np.bool_]


def all_candidates(corpus: Corpus, queries: Integers) -> Candidates:
    """Every shown item of each query, in the order shown."""
    offsets = corpus.columns.query_impressions
    rows, owner = expand_ranges(offsets[queries], offsets[queries + 1])
    lengths = offsets[queries + 1] - offsets[queries]
    place = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    shape = (len(queries), int(lengths.max(initial=0)))
    items, clicked, shown = np.zeros(shape, np.int64), np.zeros(shape, bool), np.zeros(shape, bool)
    items[owner, place] = corpus.columns.impression_item[rows]
    clicked[owner, place] = corpus.columns.impression_clicked[rows]
    shown[owner, place] = True
    return Candidates(items, clicked, shown)


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


class ClickExamples:
    """Deals :class:`bench.contracts.ClickBatch` es of a corpus.

    Args:
        corpus: the data.
        features: its vectors, on the device.
        min_user_sessions: see :func:`user_codes`.
        images: look up the candidates' images; else they are zero.
    """

    def __init__(self, corpus: Corpus, features: Features, min_user_sessions: int, images: bool = True) -> None:
        self.corpus, self.features, self._images = corpus, features, images
        self.users = user_codes(corpus, min_user_sessions)
        self.num_users = int(self.users.max(initial=0)) + 1
        columns = corpus.columns
        items = np.arange(len(columns.item_image))
        self.item_text = features.mean_words(columns.item_word_offsets, columns.item_words, items)  # (N, d)

    def batch(self, queries: Integers, candidates: Candidates) -> ClickBatch:
        """The examples of these queries (B,) with these candidates."""
        columns, device = self.corpus.columns, self.features.device
        items = torch.from_numpy(candidates.items).to(device)  # (B, K)
        return ClickBatch(
            queries=torch.from_numpy(np.asarray(queries, dtype=np.int64)).to(device),
            sessions=SessionBatch.from_prefixes(self.corpus, queries, self.features),
            users=torch.from_numpy(self.users[columns.query_session[queries]]).to(device),
            query_text=self.features.mean_words(columns.query_word_offsets, columns.query_words, queries),
            items=items,
            item_text=self.item_text[items],
            item_images=self._image_vectors(candidates.items),
            shown=torch.from_numpy(candidates.shown).to(device),
            clicks=torch.from_numpy(candidates.clicked.astype(np.float32)).to(device),
        )

    def _image_vectors(self, items: Integers) -> Tensor:
        """(B, K, dims.images) of these items (B, K)."""
        device, width = self.features.device, self.features.dims.images
        if not self._images:
            return torch.zeros(1, device=device).expand(*items.shape, width)
        images = self.corpus.columns.item_image[items].astype(np.int64)
        return self.features.images_or_zero(torch.from_numpy(images).to(device))
