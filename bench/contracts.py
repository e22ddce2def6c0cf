"""What a plugin's components must be. Everything else is the harness's business."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import torch.nn.functional as F
from torch import Tensor, nn

from bench.data.batch import SessionBatch
from bench.data.features import Dims, Features

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from bench.data.corpus import Corpus
    from bench.training.context import TrainingContext
    from bench.training.session_vectors import SessionVectors

Baseline = TypeVar("Baseline")
"""What a task trains: a :class:`ClickModel`, or whatever a plugin's own task asks for."""


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


class ClickLookup(Protocol):
    """What lies behind the rows of a :class:`ClickBatch`, which asks when a model reads it and not before."""

    def sessions(self, queries: Tensor) -> SessionBatch:
        """The prefixes that end with these query rows (B,)."""

    def query_text(self, queries: Tensor) -> Tensor:
        """(B, dims.words) for query rows (B,)."""

    def item_text(self, items: Tensor) -> Tensor:
        """(B, K, dims.words) for item rows (B, K)."""

    def item_images(self, items: Tensor) -> Tensor:
        """(B, K, dims.images) for item rows (B, K)."""


@dataclass(frozen=True)
class ClickBatch:
    """B queries with K candidates each, and the sessions that lead to them.

    ``sessions``, ``query_text``, ``item_text`` and ``item_images`` are looked up when they are first read: what a model
    does not read costs nothing.

    Attributes:
        queries: (B,) row of each query in the corpus; keys of what a model prepared, see :meth:`ClickModel.prepare`.
        users: (B,) code of the user, 0 for one that training has not seen often enough to learn.
        items: (B, K) row of each candidate, 0 where there is none.
        shown: (B, K) bool, false where a row is filled up.
        clicks: (B, K) float, 1 for a click.
        lookup: of all the rest.
    """

    queries: Tensor
    users: Tensor
    items: Tensor
    shown: Tensor
    clicks: Tensor
    lookup: ClickLookup

    @cached_property
    def sessions(self) -> SessionBatch:
        """The prefixes that end with each query; the last step is the query itself."""
        return self.lookup.sessions(self.queries)

    @cached_property
    def query_text(self) -> Tensor:
        """(B, dims.words) mean word vector of the query."""
        return self.lookup.query_text(self.queries)

    @cached_property
    def item_text(self) -> Tensor:
        """(B, K, dims.words) mean word vector of each candidate's title."""
        return self.lookup.item_text(self.items)

    @cached_property
    def item_images(self) -> Tensor:
        """(B, K, dims.images) image vector of each candidate, zero without one."""
        return self.lookup.item_images(self.items)


@dataclass(frozen=True)
class ClickDims:
    """What a click model is built for.

    Attributes:
        features: widths of word and image vectors.
        users: number of user codes, 0 (unknown) included.
    """

    features: Dims
    users: int


@dataclass(frozen=True)
class ClickCorpus:
    """What a click model may look at once, before training.

    Attributes:
        corpus: the data, all splits: a model that reads the past of a user or of a session needs it for test queries
            too. Nothing that comes after a query, and no click on it, may reach its scores; nothing of a validation or
            test session may reach another session's. The conformance kit looks.
        features: its word and image vectors, on the device.
        training_queries: (n,) rows of the queries that are trained on, ascending.
    """

    corpus: Corpus
    features: Features
    training_queries: NDArray[np.int64]


class ClickModel(nn.Module, ABC):
    """A click prediction model in the two stages that most have: feature extraction, then matching.

    A subclass takes ``(dims, **options)``, sets ``context_dim`` and implements the parts. It never sees the
    session encoder: the harness joins the session vector to the context between :meth:`context` and :meth:`match`.

    Attributes:
        context_dim: d, the width of the context vector.
        learning_rate, batch_size: of Adam, as in the model's own publication.
        independent_items: true where, in evaluation, :meth:`items` gives a candidate the same vector whatever query,
            user and other candidates are, reading nothing but ``items``, ``item_text`` and ``item_images``.
            Then each item is encoded once in an evaluation, not once for every query that showed it.
    """

    context_dim: int
    learning_rate: float = 1e-3
    batch_size: int = 256
    independent_items: bool = False

    def __init__(self, dims: ClickDims) -> None:
        super().__init__()
        self.dims = dims

    def prepare(self, data: ClickCorpus) -> None:
        """Called once, after the model was moved to its device and before it is trained: the place to gather
        histories or a click graph, vectorised, into arrays that :meth:`context` looks up by ``batch.queries``, and to
        learn weights from the clicks of training sessions alone.

        By default: nothing.
        """

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

    def auxiliary_loss(self, batch: ClickBatch) -> Tensor | None:
        """A second training loss, added to :meth:`loss`; called right after the scores of the same ``batch``, so a
        multi-task model may use what it kept from them. By default: none.
        """
        return None


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
        return (F.softplus(logits).sum() - logits[owner, words].sum()) / len(session)


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


@dataclass(frozen=True)
class TaskResult:
    """What a task returns: numbers per unit, never just a mean.

    Attributes:
        scores: one row per evaluated unit and metric: ``unit`` (query or session id), ``user``, ``metric``, ``value``.
        predictions: what the scores were computed from, so that a bug in a metric does not cost the run again.
        curve: one row per epoch: ``epoch``, ``train_loss``, ``valid`` (the validation metric).
        pooled: metrics of the whole test split that are no mean over units, such as AUC. Whoever tests them needs
            ``predictions`` that they can be computed from again.
    """

    scores: pd.DataFrame
    predictions: pd.DataFrame
    curve: pd.DataFrame
    pooled: dict[str, float] = field(default_factory=dict)


class Task(ABC, Generic[Baseline]):
    """Builds its examples from a corpus, trains a baseline with an encoder, and scores every unit of the test split."""

    @abstractmethod
    def units(self, corpus: Corpus) -> NDArray[np.int64]:
        """(units,) query rows, ascending, whose prefixes the task wants encoded."""

    @abstractmethod
    def run(
        self,
        corpus: Corpus,
        baseline: type[Baseline],
        options: Mapping[str, Any],
        sessions: SessionVectors,
        context: TrainingContext,
    ) -> TaskResult:
        """Trains and evaluates one cell.

        What it builds of the baseline draws from torch's global generator, which the harness has seeded; nothing of
        the encoder does. So a baseline starts from the seed alone.

        Args:
            corpus: the data.
            baseline: the baseline's class.
            options: what it is built with beside its dimensions.
            sessions: a vector for each of :meth:`units`, finished or from an encoder that is trained along.
            context: seed, device, progress.
        """
