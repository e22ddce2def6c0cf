"""Items by how often they are clicked, words by how often they are asked: what a ranking knows without the query."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.contracts import ClickBatch, ClickCorpus, ClickDims, ClickReference, SuggestionReference
from bench.data.clicks import clicks_per_item
from bench.data.corpus import Corpus


class ItemPopularity(ClickReference):
    """Items by their clicks in all training sessions, not those of the downstream sample alone: a shop knows its log.

    Clicks, not clicks per impression: logs need not list what was shown and not clicked in every session (the simulated
    ones do so downstream only), and the count was the better ranking wherever we looked. Smoothing adds the same to
    every item and would change no rank. Items without a click all tie.

    Args:
        dims: widths of vectors, not needed here.
    """

    def __init__(self, dims: ClickDims) -> None:
        super().__init__(dims)
        self._clicks = torch.empty(0)

    def prepare(self, data: ClickCorpus) -> None:
        """Counts."""
        self._clicks = torch.from_numpy(training_clicks(data.corpus).astype(np.float32)).to(data.features.device)

    def scores(self, batch: ClickBatch) -> Tensor:
        """(B, K) clicks."""
        return self._clicks[batch.items]


class WordPopularity(SuggestionReference):
    """Words by how many of the training examples they answer. It is also what ``ffn`` starts from.

    Args:
        words: V.
    """

    def __init__(self, words: int) -> None:
        super().__init__(words)
        self._counts = torch.empty(0)

    def prepare(self, corpus: Corpus, word_counts: Tensor, examples: int) -> None:
        """Keeps the counts."""
        self._counts = word_counts.float()

    def scores(self, queries: NDArray[np.int64]) -> Tensor:
        """(B, V) counts, the same for every query."""
        return self._counts.expand(len(queries), -1)


def training_clicks(corpus: Corpus) -> NDArray[np.int64]:
    """(N,) clicks on each item in training sessions."""
    return clicks_per_item(corpus, corpus.session_rows("train"))
