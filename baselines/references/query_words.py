"""The words of the current query once more, before all others."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.contracts import SuggestionReference
from bench.data.corpus import Corpus
from bench.data.csr import Integers, take_rows


class QueryWords(SuggestionReference):
    """Suggests what was just asked: the words of the last step first, by how often they are in it; words that tie,
    those of no query among them, by how many of the training examples they answer.

    Sessions refine, so the next query keeps words of this one; a model of sessions should do better than repeat them.

    Args:
        words: V.
    """

    def __init__(self, words: int) -> None:
        super().__init__(words)
        self._share = torch.empty(0)
        self._offsets: Integers = np.zeros(1, dtype=np.int64)
        self._words: Integers = np.zeros(0, dtype=np.int32)

    def prepare(self, corpus: Corpus, word_counts: Tensor, examples: int) -> None:
        """Keeps each word's share of the answers, and the queries' words."""
        self._share = word_counts.float() / (examples + 1)  # below 1, so that it only orders equals
        self._offsets, self._words = corpus.columns.query_word_offsets, corpus.columns.query_words

    def scores(self, queries: NDArray[np.int64]) -> Tensor:
        """(B, V)."""
        words, owner = take_rows(self._offsets, self._words, queries)
        scores = self._share.repeat(len(queries), 1)
        rows, columns = (torch.from_numpy(np.asarray(part, dtype=np.int64)) for part in (owner, words))
        device = scores.device
        ones = scores.new_ones(len(rows))
        return scores.index_put_((rows.to(device), columns.to(device)), ones, accumulate=True)
