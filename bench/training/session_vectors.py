"""The session vector on its way into a model: finished or from an encoder that is trained along, looked up, joined.

A task never sees an encoder. It gets :class:`SessionVectors`: of any query row, the vector of the session up to that
query. There are two kinds and no third: a frozen encoder's vectors were made before, and its weights stay out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from bench.contracts import ClickBatch, ClickModel, SessionEncoder
from bench.data.features import Dims
from bench.errors import BenchError
from bench.training.context import TrainingContext
from bench.training.prefix_vectors import prefix_vectors


class SessionVectors(nn.Module, ABC):
    """The vectors of session prefixes, by the row of the query that each prefix ends with.

    Its parameters are what a task trains beside its baseline; frozen vectors have none.

    Attributes:
        width: of a vector; 0 for ``vanilla``.
        trained: whether there are weights behind the vectors that learn with the baseline. Vectors of width 0 never do.
    """

    width: int
    trained: bool

    @abstractmethod
    def forward(self, queries: Tensor) -> Tensor:
        """(B, width) vectors of the prefixes that end with these query rows (B,), int64."""

    def standardise(self, training_queries: Tensor) -> None:
        """Sets frozen vectors to mean 0 and deviation 1 over these rows (n,), entry by entry. Others stay as they are.

        To be called once, before the first vector is read.
        """


class FrozenVectors(SessionVectors):
    """Finished vectors of some query rows. They may be a map of a file, which is read where they are looked up.

    Args:
        queries: (n,) the rows, ascending.
        vectors: (n, width), float32, on the same device.

    Attributes:
        rows_at_once: vectors whose mean and deviation are one sum; more are summed so many at a time, in float64.
    """

    rows_at_once = 1 << 18
    queries: Tensor
    vectors: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, queries: Tensor, vectors: Tensor) -> None:
        super().__init__()
        self.width, self.trained = vectors.shape[1], False
        self.register_buffer("queries", queries, persistent=False)
        self.register_buffer("vectors", vectors, persistent=False)
        self.register_buffer("mean", vectors.new_zeros(self.width), persistent=False)
        self.register_buffer("deviation", vectors.new_ones(self.width), persistent=False)

    def forward(self, queries: Tensor) -> Tensor:
        """(B, width).

        Raises:
            BenchError: a row that has no vector.
        """
        return (self._raw(queries) - self.mean) / self.deviation

    def standardise(self, training_queries: Tensor) -> None:
        """By mean and deviation over these rows; an entry that is constant there becomes 0 everywhere."""
        parts = training_queries.split(self.rows_at_once) if len(training_queries) else (training_queries,)
        mean, deviation = _moments(parts, self._raw)
        self.mean, self.deviation = mean, torch.where(deviation > 1e-6, deviation, torch.inf)

    def _raw(self, queries: Tensor) -> Tensor:
        """(B, width) as they were finished."""
        place = torch.searchsorted(self.queries, queries).clamp(max=max(len(self.queries) - 1, 0))
        if not len(self.queries) or not torch.equal(self.queries[place], queries):
            raise BenchError("a query has no session vector", fix="a task's units must hold every query that it reads")
        return self.vectors[place]


def _moments(parts: Sequence[Tensor], vectors_of: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """(width,) mean and deviation of the vectors of all rows in ``parts``, of which one is in memory at a time."""
    some = vectors_of(parts[0])
    if len(parts) == 1:
        return some.mean(0), some.std(0) if len(some) > 1 and some.numel() else torch.ones_like(some[0])
    rows = sum(len(part) for part in parts)
    mean = sum((vectors_of(part).double().sum(0) for part in parts), some.new_zeros(some.shape[1]).double()) / rows
    squares = (vectors_of(part).double().sub_(mean).square_().sum(0) for part in parts)  # doubles of a part stand once
    variance = sum(squares, torch.zeros_like(mean)) / (rows - 1)
    return mean.to(some.dtype), variance.sqrt().to(some.dtype)


class TrainedAlong(SessionVectors):
    """An encoder that learns with the baseline. ``vanilla`` is one, of width 0 and without weights.

    The encoder draws its weights and its dropout from a stream of its own, so that the baseline starts and trains on
    the same random numbers whatever the encoder is.

    Args:
        make: the encoder for the widths of word and image vectors.
        context: corpus, seed and device.
    """

    def __init__(self, make: Callable[[Dims], SessionEncoder], context: TrainingContext) -> None:
        super().__init__()
        self._corpus, self._features = context.corpus, context.features
        self._stream = context.random_stream("session encoder")
        with self._stream.drawing():
            self.encoder = make(self._features.dims)
        self.width = self.encoder.output_dim
        self.trained = self.width > 0

    def forward(self, queries: Tensor) -> Tensor:
        """(B, width)."""
        if not self.width:
            return self._features.word_vectors.new_empty(len(queries), 0)
        with self._stream.drawing() if self.training else nullcontext():
            vectors = prefix_vectors(self.encoder, self._corpus, queries.cpu().numpy(), self._features)
        return checked_vectors(vectors, len(queries), self.width, type(self.encoder).__name__)  # (B, width)


def checked_vectors(vectors: object, rows: int, width: int, encoder: str) -> Tensor:
    """What an encoder returned, after a look at it: a wrong shape would be broadcast in silence, and become a number.

    Args:
        vectors: to be (rows, width), of a floating type.
        rows: number of prefixes.
        width: the encoder's ``output_dim``.
        encoder: its class, for the error.

    Raises:
        BenchError: it is something else.
    """
    if not isinstance(vectors, Tensor):
        raise BenchError(f"returned {type(vectors).__name__}, not a tensor", where=encoder)
    if vectors.shape != (rows, width):
        said = " × ".join(map(str, vectors.shape)) or "a single number"
        raise BenchError(f"returned {said} for {rows} sessions and output_dim {width}", where=encoder)
    if not vectors.is_floating_point():
        raise BenchError(f"returned {vectors.dtype}, not a floating type", where=encoder)
    return vectors


class JoinedClickModel(nn.Module):
    """Concat before matching: how every session vector enters every click model (paper, section 4.2).

    The harness joins, not the baseline and not the encoder: ``context' = Linear([context ; session])``, back to the
    width of the context. ``vanilla`` goes through the same layer with a session of width 0, so that no gain can come
    from an added layer. The layer starts with Glorot's weights: those of the context as ``vanilla`` has them, those of
    the session, drawn apart, by the bound for the whole layer.

    Args:
        model: the baseline.
        sessions: the session vectors.
        draws: for the session's part of the layer.
    """

    def __init__(self, model: ClickModel, sessions: SessionVectors, draws: torch.Generator) -> None:
        super().__init__()
        self.model, self.sessions = model, sessions
        d, width = model.context_dim, sessions.width
        of_context = nn.Linear(d, d)
        nn.init.xavier_uniform_(of_context.weight)
        of_both = torch.empty(d, d + width)
        nn.init.xavier_uniform_(of_both, generator=draws)
        of_both[:, :d] = of_context.weight.detach()
        # what it draws is thrown away, and so is taken from no stream; skip_init imports sympy, 1.5 s of every worker
        with torch.random.fork_rng(devices=[]):
            self.join = nn.Linear(d + width, d)
        self.join.weight = nn.Parameter(of_both)
        nn.init.zeros_(self.join.bias)

    def context(self, batch: ClickBatch) -> Tensor:
        """(B, d) the baseline's context with the session joined to it."""
        session = self.sessions(batch.queries)  # (B, width)
        joined: Tensor = self.join(torch.cat([self.model.context(batch), session], dim=1))
        return joined

    def forward(self, batch: ClickBatch) -> Tensor:
        """(B, K) scores of the candidates in ``batch``."""
        return self.model.match(self.context(batch), self.model.items(batch))
