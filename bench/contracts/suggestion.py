"""What a model of the next keyword query must be, and a reference that ranks the same words without learning."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.data.corpus import Corpus


@dataclass(frozen=True)
class SuggestionDims:
    """What a suggestion model is built for.

    Attributes:
        session: width of a session vector; 0 for ``vanilla``.
        words: V, the size of the vocabulary.
    """

    session: int
    words: int


class SuggestionModel(nn.Module, ABC):
    """Predicts the words of the next keyword query from a session vector: one yes or no for each of V words.

    A subclass takes ``(dims, **options)`` and implements :meth:`forward`. It never sees the session encoder. Where V
    is large it overrides :meth:`loss` too, so that training needs no (B, V) tensors.

    Attributes:
        learning_rate, batch_size: of Adam.
    """

    learning_rate: float = 1e-3
    batch_size: int = 256

    def __init__(self, dims: SuggestionDims) -> None:
        super().__init__()
        self.dims = dims

    def prepare(self, word_counts: Tensor, examples: int) -> None:
        """Called once before training: (V,) in how many of the training ``examples`` each word is one of the answer.

        By default: nothing.
        """

    @abstractmethod
    def forward(self, session: Tensor) -> Tensor:
        """(B, V) logits for session vectors (B, dims.session); higher is likelier."""

    def loss(self, session: Tensor, words: Tensor, owner: Tensor) -> Tensor:
        """Scalar training loss: binary cross-entropy, summed over the vocabulary, mean over the batch.

        Args:
            session: (B, dims.session).
            words: (W,) the words of the next queries, each once per query.
            owner: (W,) the place in the batch of each.
        """
        logits = self(session)  # (B, V)
        loss: Tensor = (F.softplus(logits).sum() - logits[owner, words].sum()) / len(session)
        return loss


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
