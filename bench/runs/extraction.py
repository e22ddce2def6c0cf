"""Vectors of all sessions or all prefixes of a corpus, piece by piece in the order of its rows.

A piece is a run of whole batches, so that a vector has the same batch mates, and the same last digits, however the rows
are cut into files and however many processes make them. Processes make pieces side by side and hand them back in order;
two for each are under way at most, which bounds what is in memory.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.data.truth import sealed
from bench.errors import BenchError
from bench.progress import Progress, silent
from bench.runs.jobs import Job
from bench.runs.orphans import end_with_parent
from bench.runs.store import Store

if TYPE_CHECKING:
    from bench.contracts import SessionEncoder
    from bench.training.context import TrainingContext

BATCH = 1024
PIECE = 16 * BATCH
_WORTH_A_PROCESS = 8 * PIECE  # rows: starting one takes as long as some of them
_pieces: _Pieces | None = None  # of this worker process


@dataclass(frozen=True)
class Extraction:
    """What is to be encoded.

    Attributes:
        job: a finished pretraining.
        root: of the store that it is in.
        prefixes: of every query its session up to it; otherwise every session.
    """

    job: Job
    root: str
    prefixes: bool

    def rows(self, corpus: Corpus) -> int:
        """How many vectors there are."""
        return len(corpus.columns.query_session if self.prefixes else corpus.columns.session_split)

    def queries(self, corpus: Corpus, start: int, end: int) -> NDArray[np.int64]:
        """(end - start,) query that the prefix of each row ends with; a session is the prefix of its last."""
        if self.prefixes:
            return np.arange(start, end)
        last: NDArray[np.int64] = np.asarray(corpus.columns.session_queries[start + 1 : end + 1]) - 1
        return last


class Encoding:
    """A pretrained encoder, loaded, and the corpus that it reads.

    Args:
        job: a finished pretraining.
        corpus: that it was pretrained on.
        store: of its weights.
        progress: told (done, total) of the queries of :meth:`vectors`.
    """

    def __init__(self, job: Job, corpus: Corpus, store: Store, progress: Progress = silent) -> None:
        import torch

        from bench.runs.work import load_encoder, weights_of
        from bench.training.context import TrainingContext

        self._context: TrainingContext = TrainingContext(
            corpus, job.config["seed"], torch.device(job.config["device"]), progress
        )
        self._model: SessionEncoder = load_encoder(job.config, self._context.features.dims, weights_of(store, job.key))
        self._model.to(self._context.device)

    def vectors(self, queries: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n, output_dim) vectors of the prefixes that end with these query rows (n,)."""
        from bench.runs.work import encode_prefixes

        with sealed():
            vectors: NDArray[np.float32] = encode_prefixes(self._model, queries, self._context, BATCH)
        return vectors


class _Pieces:
    """The vectors of the rows of an extraction."""

    def __init__(self, extraction: Extraction) -> None:
        self._extraction, self._corpus = extraction, Corpus(extraction.job.corpus)
        self._encoding = Encoding(extraction.job, self._corpus, Store(extraction.root))

    def of(self, start: int, end: int) -> NDArray[np.float32]:
        """(end - start, output_dim)."""
        return self._encoding.vectors(self._extraction.queries(self._corpus, start, end))


def bounds_of(start: int, end: int, shard_rows: int) -> Iterator[tuple[int, int]]:
    """The pieces of the rows ``start`` … ``end`` - 1, of which none reaches from one shard into the next."""
    while start < end:
        until = min(start + PIECE, end, (start // shard_rows + 1) * shard_rows)
        yield start, until
        start = until


@contextmanager
def encoded(
    extraction: Extraction, bounds: Iterator[tuple[int, int]], rows: int, jobs: int | None
) -> Iterator[Iterator[NDArray[np.float32]]]:
    """The vectors of pieces, in order, one thread a process.

    Args:
        extraction: what is encoded.
        bounds: first row, and the row after the last, of each piece.
        rows: of all pieces together.
        jobs: processes; by default as many as there are processors, but for small work and on a GPU one.

    Raises:
        BenchError: vectors that are none, or a process that ended.
    """
    if jobs is None:
        on_cpu = extraction.job.config["device"] == "cpu"
        jobs = max(1, min(len(os.sched_getaffinity(0)), rows // _WORTH_A_PROCESS)) if on_cpu else 1
    if jobs == 1:
        with _one_thread():
            here = _Pieces(extraction)
            yield (here.of(*bound) for bound in bounds)
        return
    spawn = multiprocessing.get_context("spawn")  # a fork would inherit torch's threads, and hang
    pool = ProcessPoolExecutor(jobs, spawn, _begin, (extraction,))
    try:
        yield _in_order(pool, bounds, 2 * jobs)
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor, bounds: Iterator[tuple[int, int]], under_way: int
) -> Iterator[NDArray[np.float32]]:
    waiting: deque[Future[NDArray[np.float32]]] = deque(pool.submit(_piece, *b) for b in islice(bounds, under_way))
    try:
        while waiting:
            vectors = waiting.popleft().result()
            waiting.extend(pool.submit(_piece, *bound) for bound in islice(bounds, 1))
            yield vectors
    except BrokenProcessPool:
        fix = "run it again with fewer --jobs; whole shards are kept"
        raise BenchError("a process that encoded sessions ended, out of memory maybe", fix=fix) from None


def _begin(extraction: Extraction) -> None:
    """Makes a worker process ready."""
    global _pieces
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that the others work for
    end_with_parent()
    import torch

    torch.set_num_threads(1)
    _pieces = _Pieces(extraction)


def _piece(start: int, end: int) -> NDArray[np.float32]:
    assert _pieces is not None
    return _pieces.of(start, end)


@contextmanager
def _one_thread() -> Iterator[None]:
    """As in a worker, so that the same encoder gives the same digits."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
