"""References: rankers that learn nothing and read no session, for the first rows of a table.

They say what a number is worth: a model that does not beat the most clicked item, or the item whose title matches the
query's words, has learnt nothing that needed a model. A spec with ``reference=True`` names one; the harness runs it
once, with ``vanilla``, whatever the encoders and seeds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from torch import Tensor

from bench.contracts import ClickBatch, ClickCorpus, ClickDims

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.data.corpus import Corpus


class ClickReference(ABC):
    """Ranks the items shown for a query without parameters and without anything random.

    A subclass takes ``(dims, **options)``. Two candidates that it can't tell apart get exactly the same score: the
    metrics have one rule for ties (:mod:`bench.metrics`).
    """

    def __init__(self, dims: ClickDims) -> None:
        self.dims = dims

    @abstractmethod
    def prepare(self, data: ClickCorpus) -> None:
        """Called once: counts or weights, vectorised. No click of a validation or test session may be counted."""

    @abstractmethod
    def scores(self, batch: ClickBatch) -> Tensor:
        """(B, K) scores of the candidates, float32, higher is better; ``batch.clicks`` must not be read."""


class SuggestionReference(ABC):
    """Ranks the words of the vocabulary as words of the next keyword query, without parameters.

    A subclass takes ``(words, **options)``, words being V, the size of the vocabulary.
    """

    def __init__(self, words: int) -> None:
        self.words = words

    @abstractmethod
    def prepare(self, corpus: Corpus, word_counts: Tensor, examples: int) -> None:
        """Called once: (V,) in how many of the training ``examples`` each word is one of the answer."""

    @abstractmethod
    def scores(self, queries: NDArray[np.int64]) -> Tensor:
        """(B, V) scores, float32, for the prefixes that end with these query rows (B,); higher is likelier."""
