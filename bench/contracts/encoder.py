"""What a session encoder must be: sessions, or prefixes of sessions, to vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from torch import Tensor, nn

from bench.data.batch import SessionBatch
from bench.data.features import Dims

if TYPE_CHECKING:
    from bench.training.context import TrainingContext


class SessionEncoder(nn.Module, ABC):
    """Turns sessions into vectors.

    A subclass takes ``(dims, **options)``, sets ``output_dim`` and implements :meth:`forward`. It holds no state that
    depends on batch mates: a session's vector is the same in any batch.

    Args:
        dims: widths of the word and image vectors that batches will carry.

    Attributes:
        output_dim: width of a vector.
        causal: whether one pass over a session gives the vectors of all its prefixes, as an LSTM's states are. Then
            the encoder also implements :meth:`at_steps`, and who wants many prefixes of the same session is served
            at the price of one.
    """

    output_dim: int
    causal: bool = False

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.dims = dims

    @abstractmethod
    def forward(self, batch: SessionBatch) -> Tensor:
        """(B, output_dim) vectors of the B sessions or prefixes in ``batch``."""

    if TYPE_CHECKING:

        def __call__(self, batch: SessionBatch) -> Tensor:
            """What :meth:`forward` gives, for type checkers: torch's own says nothing of its result."""

    def at_steps(self, batch: SessionBatch, steps: Tensor) -> Tensor:
        """(n, output_dim) vectors of the prefixes that end with these steps (n,) of ``batch``; of ``causal`` encoders.

        They are what :meth:`forward` gives of the prefixes themselves.
        """
        raise NotImplementedError(f"{type(self).__name__} says that it is causal and has no at_steps")

    def pretrain(self, context: TrainingContext) -> None:
        """Learns from the training sessions of ``context``, without labels. By default: nothing.

        ``context`` deals batches, seeds, records the curve and reports progress: :class:`TrainingContext`.
        """
