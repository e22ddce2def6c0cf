"""Query words: the words of the current query suggested again, before all others."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.contracts import SuggestionReference
from bench.data.corpus import Corpus
from bench.data.csr import Integers, take_rows


class QueryWords(SuggestionReference):
    """Words ranked by their frequency in the current query; ties are broken by their frequency in training answers.

    Sessions refine, so the next query keeps words of this one; a model of sessions should do better than repeat them.

    Args:
        words: V.
    """

    def __init__(self, words: int) -> None:
        super().__init__(words)
        self._answer_shares = torch.empty(0)
        self._offsets: Integers = np.zeros(1, dtype=np.int64)
        self._words: Integers = np.zeros(0, dtype=np.int32)

    def prepare(self, corpus: Corpus, word_counts: Tensor, examples: int) -> None:
        """Stores the words of all queries and, to break ties, each word's share of training answers.

        Args:
            corpus: the corpus.
            word_counts: (V,) training examples whose answer has the word.
            examples: number of training examples.
        """
        self._answer_shares = word_counts.float() / (examples + 1)  # (V,) below 1, so that they break ties only
        self._offsets, self._words = corpus.columns.query_word_offsets, corpus.columns.query_words

    def scores(self, queries: NDArray[np.int64]) -> Tensor:
        """(B, V) frequency of each word in the queries ``queries`` (B,), plus its share of training answers."""
        words, owner = take_rows(self._offsets, self._words, queries)  # (W,) each
        scores = self._answer_shares.repeat(len(queries), 1)  # (B, V)
        rows, columns = (torch.from_numpy(np.asarray(index, dtype=np.int64)) for index in (owner, words))
        device = scores.device
        ones = scores.new_ones(len(rows))
        return scores.index_put_((rows.to(device), columns.to(device)), ones, accumulate=True)
