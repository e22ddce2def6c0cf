"""What a classifier of completed sessions must be."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.training.context import TrainingContext


@dataclass(frozen=True)
class IntentDims:
    """What an intent model is built for.

    Attributes:
        session: width of a session vector; 0 for ``vanilla``.
        classes: C.
    """

    session: int
    classes: int


class IntentModel(ABC):
    """Classifies completed sessions by their frozen vectors.

    A subclass takes ``(dims, **options)``. Where ``dims.session`` is 0 there is nothing to learn from but how frequent
    the classes are. Everything random follows from ``context``.
    """

    def __init__(self, dims: IntentDims) -> None:
        self.dims = dims

    @abstractmethod
    def fit(
        self,
        vectors: NDArray[np.float32],
        labels: NDArray[np.int64],
        valid_vectors: NDArray[np.float32],
        valid_labels: NDArray[np.int64],
        context: TrainingContext,
    ) -> None:
        """Learns from the training split, and chooses on the validation split, nothing else.

        Args:
            vectors: (n, dims.session), standardised.
            labels: (n,) 0 … C - 1; every class is there.
            valid_vectors, valid_labels: the same of the validation split, which may lack classes or be empty.
            context: seed, progress; the curve is recorded there.
        """

    @abstractmethod
    def probabilities(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, C) probabilities of the classes for vectors (n, dims.session)."""
