"""Popularity: items ranked by their clicks, words by their frequency, whatever the query."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.contracts import ClickBatch, ClickCorpus, ClickDims, ClickReference, SuggestionReference
from bench.data.clicks import clicks_per_item
from bench.data.corpus import Corpus


class ItemPopularity(ClickReference):
    """Items ranked by their clicks in all training sessions, in and outside the downstream sample: a shop has its log.

    It counts clicks and not clicks per impression, since logs need not list in every session what was shown and not
    clicked (the simulated ones do so downstream only), and since the count was the better ranking wherever we looked.
    Smoothing would add the same to every item and change no rank. Items without a click tie.

    Args:
        dims: not used.
    """

    def __init__(self, dims: ClickDims) -> None:
        super().__init__(dims)
        self._clicks = torch.empty(0)

    def prepare(self, data: ClickCorpus) -> None:
        """Counts the clicks on every item."""
        self._clicks = torch.from_numpy(training_clicks(data.corpus).astype(np.float32)).to(data.features.device)

    def scores(self, batch: ClickBatch) -> Tensor:
        """(B, K) clicks on the candidates."""
        return self._clicks[batch.items]


class WordPopularity(SuggestionReference):
    """Words ranked by the number of training examples whose answer has them, from which ``ffn`` starts as well.

    Args:
        words: V.
    """

    def __init__(self, words: int) -> None:
        super().__init__(words)
        self._counts = torch.empty(0)

    def prepare(self, corpus: Corpus, word_counts: Tensor, examples: int) -> None:
        """Stores the counts.

        Args:
            corpus, examples: not used.
            word_counts: (V,) training examples whose answer has the word.
        """
        self._counts = word_counts.float()

    def scores(self, queries: NDArray[np.int64]) -> Tensor:
        """(B, V) counts, the same for every query."""
        return self._counts.expand(len(queries), -1)


def training_clicks(corpus: Corpus) -> NDArray[np.int64]:
    """(N,) clicks on each item in the training sessions of a corpus."""
    return clicks_per_item(corpus, corpus.session_rows("train"))
