"""What a shopper did next, as targets of pretraining: the item clicked after a query, and the next query's words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data.batch import SessionBatch
from bench.data.clicks import Clicks
from bench.data.corpus import Corpus
from bench.data.features import Features
from bench.training.ranks import ALONE, Share


@dataclass(frozen=True)
class NextActions:
    """B prefixes, and what followed each.

    Attributes:
        prefixes: each ends with a query after which something was clicked.
        items: (B,) row of the clicked item.
        item_text: (B, dims.words) mean word vector of its title.
        item_images: (B, dims.images) its image vector, zero without one.
        next_text: (B, dims.words) mean word vector of the session's next step, zero without one.
        has_next: (B,) bool, whether there is a next step with words.
    """

    prefixes: SessionBatch
    items: Tensor
    item_text: Tensor
    item_images: Tensor
    next_text: Tensor
    has_next: Tensor


class ClickedPrefixes:
    """Samples prefixes with what followed them.

    Args:
        corpus: the data.
        features: its vectors, on the device.
    """

    def __init__(self, corpus: Corpus, features: Features) -> None:
        self.corpus, self.features = corpus, features
        self._clicks = Clicks.of(corpus)

    def with_clicks(self, sessions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of ``sessions`` in which anything was clicked."""
        return self._clicks.sessions_with(sessions)

    def draw(self, sessions: NDArray[np.int64], draws: torch.Generator, share: Share | None = None) -> NextActions:
        """For each session of a share (b,) one of its clicks at random, and the prefix that led to it.

        Args:
            sessions: (B,) of the batch.
            draws: decides on the clicks, of all sessions.
            share: which sessions are wanted; None for all.
        """
        share = share or ALONE.share(len(sessions))
        sessions = sessions[share.own]
        rows, owner = self._clicks.impressions_of_sessions(sessions)
        count = np.bincount(owner, minlength=len(sessions))
        first = np.cumsum(count) - count
        drawn = share.drawn(draws, dtype=torch.float64).numpy()
        click = first + np.minimum((drawn * count).astype(np.int64), count - 1)
        columns, device = self.corpus.columns, self.features.device
        queries, items = self._clicks.queries_of(rows[click]), columns.impression_item[rows[click]].astype(np.int64)
        images = torch.from_numpy(columns.item_image[items].astype(np.int64)).to(device)
        vectors = self.features.images_or_zero(images)  # (B, dims.images)
        following = np.minimum(queries + 1, len(columns.query_session) - 1)
        follows = (following > queries) & (columns.query_session[following] == columns.query_session[queries])
        follows &= columns.query_word_offsets[following + 1] > columns.query_word_offsets[following]
        return NextActions(
            SessionBatch.from_prefixes(self.corpus, queries, self.features),
            torch.from_numpy(items).to(device),
            self.features.mean_words(columns.item_word_offsets, columns.item_words, items),
            vectors,
            self.features.mean_words(columns.query_word_offsets, columns.query_words, following),
            torch.from_numpy(follows).to(device),
        )
