"""Examples of query suggestion: a query whose next step is a keyword query, and the words of that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data.corpus import Corpus
from bench.data.csr import Integers, offsets_of, take_rows
from bench.data.next_queries import followed_queries


def example_queries(corpus: Corpus, split: str | None = None) -> NDArray[np.int64]:
    """Rows of the downstream sample's queries that are followed, in their session, by a keyword query with words."""
    return followed_queries(corpus, corpus.session_rows(split, downstream=True))


@dataclass(frozen=True)
class NextWords:
    """The distinct words of n keyword queries, as CSR, ascending within a query.

    Attributes:
        offsets: (n + 1,).
        words: (total,) rows of the vocabulary.
    """

    offsets: NDArray[np.int64]
    words: NDArray[np.int64]

    @classmethod
    def after(cls, corpus: Corpus, queries: Integers) -> NextWords:
        """The words of the step after each of ``queries`` (n,)."""
        columns = corpus.columns
        words, owner = take_rows(columns.query_word_offsets, columns.query_words, np.asarray(queries) + 1)
        vocabulary = len(corpus.word_vectors)
        pairs = np.unique(owner * vocabulary + words)
        place, word = np.divmod(pairs, vocabulary)
        return cls(offsets_of(np.bincount(place, minlength=len(queries))), word)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def of(self, rows: Integers, device: torch.device) -> tuple[Tensor, Tensor]:
        """``(words, owner)``, (W,) both: the words of these rows (B,), and the place in ``rows`` of each."""
        words, owner = take_rows(self.offsets, self.words, rows)
        return torch.from_numpy(words).to(device), torch.from_numpy(owner).to(device)

    def counts(self, vocabulary: int) -> NDArray[np.int64]:
        """(V,) in how many of the queries each word occurs."""
        return np.bincount(self.words, minlength=vocabulary)
