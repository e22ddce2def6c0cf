"""What a click model must be, and a reference that ranks the same candidates without learning.

References say what a number is worth: a model that does not beat the most clicked item, or the item whose title matches
the query's words, has learnt nothing that needed a model. A spec with ``reference=True`` names one; the harness runs it
once, with ``vanilla``, whatever the encoders and seeds.
"""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from torch import Tensor, nn

from bench.data.batch import SessionBatch
from bench.data.features import Dims, Features

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.data.corpus import Corpus


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
        pretrained: weights, by name, of the pretrained encoder that the baseline's options name
            (:attr:`bench.BaselineSpec.starts_from`); empty for none.
        scratch: a folder on a disk, for an index that is too large for memory.
    """

    corpus: Corpus
    features: Features
    training_queries: NDArray[np.int64]
    pretrained: Mapping[str, Tensor] = field(default_factory=dict)
    scratch: Path = field(default_factory=lambda: Path(tempfile.gettempdir()))


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


class ClickReference(ABC):
    """Ranks the items shown for a query without parameters and without anything random.

    A subclass takes ``(dims, **options)``. Two candidates that it can't tell apart get exactly the same score: the
    metrics have one rule for ties (:mod:`bench.metrics.ranking`).
    """

    def __init__(self, dims: ClickDims) -> None:
        self.dims = dims

    @abstractmethod
    def prepare(self, data: ClickCorpus) -> None:
        """Called once: counts or weights, vectorised. No click of a validation or test session may be counted."""

    @abstractmethod
    def scores(self, batch: ClickBatch) -> Tensor:
        """(B, K) scores of the candidates, float32, higher is better; ``batch.clicks`` must not be read."""
