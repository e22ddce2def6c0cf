"""What a plugin's components must be. Everything else is the harness's business."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from bench.data.batch import SessionBatch
from bench.data.features import Dims

if TYPE_CHECKING:
    import pandas as pd

    from bench.data.corpus import Corpus
    from bench.training.context import TrainingContext


class SessionEncoder(nn.Module, ABC):
    """Turns sessions into vectors.

    A subclass takes ``(dims, **options)``, sets ``output_dim`` and implements :meth:`forward`. It holds no state that
    depends on batch mates: a session's vector is the same in any batch.

    Args:
        dims: widths of the word and image vectors that batches will carry.
    """

    output_dim: int

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.dims = dims

    @abstractmethod
    def forward(self, batch: SessionBatch) -> Tensor:
        """(B, output_dim) vectors of the B sessions or prefixes in ``batch``."""

    def pretrain(self, context: TrainingContext) -> None:
        """Learns from the training sessions of ``context``, without labels. By default: nothing.

        ``context`` deals batches, seeds, records the curve and reports progress: :class:`TrainingContext`.
        """


@dataclass(frozen=True)
class ClickBatch:
    """B queries with K candidates each, and the sessions that lead to them.

    Attributes:
        sessions: the prefixes that end with each query; the last step is the query itself.
        users: (B,) code of the user, 0 for one that training has not seen often enough to learn.
        query_text: (B, dims.words) mean word vector of the query.
        items: (B, K) row of each candidate, 0 where there is none.
        item_text: (B, K, dims.words) mean word vector of each candidate's title.
        item_images: (B, K, dims.images) image vector of each candidate, zero without one.
        shown: (B, K) bool, false where a row is filled up.
        clicks: (B, K) float, 1 for a click.
    """

    sessions: SessionBatch
    users: Tensor
    query_text: Tensor
    items: Tensor
    item_text: Tensor
    item_images: Tensor
    shown: Tensor
    clicks: Tensor


@dataclass(frozen=True)
class ClickDims:
    """What a click model is built for.

    Attributes:
        features: widths of word and image vectors.
        users: number of user codes, 0 (unknown) included.
    """

    features: Dims
    users: int


class ClickModel(nn.Module, ABC):
    """A click prediction model in the two stages that most have: feature extraction, then matching.

    A subclass takes ``(dims, **options)``, sets ``context_dim`` and implements the three parts. It never sees the
    session encoder: the harness joins the session vector to the context between :meth:`context` and :meth:`match`.

    Attributes:
        context_dim: d, the width of the context vector.
        learning_rate, batch_size: of Adam, as in the model's own publication.
    """

    context_dim: int
    learning_rate: float = 1e-3
    batch_size: int = 256

    def __init__(self, dims: ClickDims) -> None:
        super().__init__()
        self.dims = dims

    @abstractmethod
    def context(self, batch: ClickBatch) -> Tensor:
        """(B, d) what the model knows of user, query and history before it looks at candidates."""

    @abstractmethod
    def items(self, batch: ClickBatch) -> Tensor:
        """(B, K, e) candidate vectors."""

    @abstractmethod
    def match(self, context: Tensor, items: Tensor) -> Tensor:
        """(B, K) scores of candidates (B, K, e) against contexts (B, d); higher is better."""

    @abstractmethod
    def loss(self, scores: Tensor, clicks: Tensor, shown: Tensor) -> Tensor:
        """Scalar training loss of scores (B, K) against clicks (B, K), over the candidates in ``shown`` (B, K)."""


@dataclass(frozen=True)
class TaskResult:
    """What a task returns: numbers per unit, never just a mean.

    Attributes:
        scores: one row per evaluated unit and metric: ``unit`` (query or session id), ``user``, ``metric``, ``value``.
        predictions: what the scores were computed from, so that a bug in a metric does not cost the run again.
        curve: one row per epoch: ``epoch``, ``train_loss``, ``valid`` (the validation metric).
    """

    scores: pd.DataFrame
    predictions: pd.DataFrame
    curve: pd.DataFrame


class Task(ABC):
    """Builds its examples from a corpus, trains a baseline with an encoder, and scores every unit of the test split."""

    @abstractmethod
    def run(
        self,
        corpus: Corpus,
        baseline: Any,
        baseline_options: dict[str, Any],
        encoder: SessionEncoder,
        embeddings: Tensor | None,
        context: TrainingContext,
    ) -> TaskResult:
        """Trains and evaluates one cell.

        Args:
            corpus: the data.
            baseline: the baseline's class.
            baseline_options: its options.
            encoder: trained along unless ``embeddings`` is given.
            embeddings: (units, output_dim) vectors of a frozen encoder for :meth:`units`, in that order.
            context: seed, device, progress.
        """

    @abstractmethod
    def units(self, corpus: Corpus) -> Any:
        """(units,) int64 query rows whose prefixes the task wants encoded; embeddings come in this order."""
