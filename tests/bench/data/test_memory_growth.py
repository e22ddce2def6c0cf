"""Memory does not grow with a corpus, or by a few numbers a session: what would fill it lies on disk.

Measured by what Python, numpy and Arrow have allocated, without files that are mapped. Corpora of two sizes are
compared, since whatever a chunk takes is the same for both.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from bench.data import clicks, columns, first_rows, mapped, stats, writer
from bench.data.checks import table_rows
from bench.data.clicks import Clicks
from bench.data.corpus import Corpus
from bench.datasets.simulated import make
from bench.plugins.registry import registry
from bench.training.context import TrainingContext
from bench.training.objective import PretrainingStep
from bench.training.pretraining import _Batches
from encoders.muvcog.objective import ContrastObjective
from encoders.muvcog.steps_of import OwnSteps

SMALL, LARGE = 4_096, 12_288
"""Sessions: one chunk of the simulation, and three."""
SHOWN = 16  # few results a query: a chunk is cheaper
ARROW: list[int] = []
"""Bytes that Arrow has allocated, each time that a batch has been read."""


class Made:
    """A corpus, and what its making had allocated.

    Attributes:
        held: bytes when the last session had been written: what is kept for looking up.
        checking: bytes at most between then and the end, while the corpus was checked and its columns were derived.
        arrow: bytes that Arrow had meanwhile, at most of those times when a batch had been read.
    """

    def __init__(self, folder: Path, sessions: int) -> None:
        self.held = self.checking = 0
        ARROW.clear()
        before, arrow = _allocated(), pa.total_allocated_bytes()

        def note(done: int, total: int) -> None:
            if done == total:
                self.held = _allocated() - before
                tracemalloc.reset_peak()

        make(folder, name="beauty", sessions=sessions, downstream=sessions // 20, shown=SHOWN, progress=note)
        self.checking = tracemalloc.get_traced_memory()[1] - before
        self.arrow = max(ARROW) - arrow
        self.corpus = Corpus(folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, Made]:
    folder = tmp_path_factory.mktemp("growth")
    with pytest.MonkeyPatch.context() as patched:
        _small_chunks(patched)
        for module, name in ((table_rows, "_unsound"), (columns, "_count")):
            patched.setattr(module, name, _watched(getattr(module, name)))
        tracemalloc.start()
        make(folder / "warm", name="beauty", sessions=200, downstream=50, shown=SHOWN)  # imports, compiled patterns
        try:
            return Made(folder / "small", SMALL), Made(folder / "large", LARGE)
        finally:
            tracemalloc.stop()


@pytest.fixture(autouse=True)
def _chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    _small_chunks(monkeypatch)


def _small_chunks(patched: pytest.MonkeyPatch) -> None:
    """Less is read at once than the smaller corpus has, so that a table that is read whole shows."""
    patched.setattr(columns, "_CHUNK_ROWS", 2_048)
    patched.setattr(table_rows, "_BATCH_ROWS", 2_048)
    patched.setattr(stats, "_CHUNK_ROWS", 2_048)
    patched.setattr(table_rows, "_SMALL", 1_024)
    patched.setattr(clicks, "_SESSIONS", 256)
    patched.setattr(writer, "_GROUP_ROWS", 2_048)
    patched.setattr(first_rows, "_BUCKET", 512)
    for module in (mapped, first_rows):
        patched.setattr(module, "_PIECE", 1_024)


def _watched(function: Callable[..., object]) -> Callable[..., object]:
    """The function, which is called for every batch of a table."""

    def watched(*arguments: object) -> object:
        ARROW.append(pa.total_allocated_bytes())
        return function(*arguments)

    return watched


def _allocated() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _peak_growth(corpora: tuple[Made, Made], work: Callable[[Corpus], object]) -> float:
    """Bytes per session by which the peak of ``work`` on the larger corpus is above that on the smaller one."""
    peaks = []
    work(corpora[0].corpus)  # opens the columns, imports
    for one in corpora:
        work(one.corpus)
        tracemalloc.start()
        work(one.corpus)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return (peaks[1] - peaks[0]) / (LARGE - SMALL)


def test_making_a_corpus_keeps_nothing_of_its_sessions_in_memory(made: tuple[Made, Made]) -> None:
    small, large = made
    assert (large.held - small.held) / (LARGE - SMALL) < 10  # user, start and split would be 18


def test_checking_a_corpus_and_deriving_its_columns_read_no_table_whole(made: tuple[Made, Made]) -> None:
    small, large = made
    assert (large.checking - small.checking) / (LARGE - SMALL) < 10  # the users' codes and texts would be 40
    assert (large.arrow - small.arrow) / (LARGE - SMALL) < 100  # what has been read, packed, would be 200


def test_statistics_hold_no_column(made: tuple[Made, Made]) -> None:
    assert _peak_growth(made, stats.corpus_stats) < 20  # the times of first and last queries alone would be 32


def test_finding_sessions_with_clicks_holds_no_number_for_each_query(made: tuple[Made, Made]) -> None:
    def find(corpus: Corpus) -> None:
        assert len(Clicks.of(corpus).sessions_with(corpus.session_rows("train")))

    assert _peak_growth(made, find) < 30  # a number for each of the 6.1 queries would be 49


def test_a_step_of_pretraining_holds_a_few_numbers_for_each_session(made: tuple[Made, Made]) -> None:
    spec = registry().get("encoder", "muvcog-m")

    def steps(corpus: Corpus) -> None:
        context, draws = TrainingContext(corpus, 0), torch.Generator().manual_seed(0)
        objective = ContrastObjective(spec.load()(context.features.dims, **spec.defaults), OwnSteps(context), context)
        batches = _Batches(context.training_sessions(), 32, context)
        for step in (1, 2):
            objective.loss(batches.of_step(step), PretrainingStep(step), draws).backward()

    assert _peak_growth(made, steps) < 40  # a table of the 16 clicks of each session would be 200


def test_clicks_looked_up_are_those_of_the_tables(made: tuple[Made, Made]) -> None:
    found, sessions = Clicks.of(made[0].corpus), np.array([5, 900, 17])
    rows, owner = found.impressions_of_sessions(sessions)
    items, same_owner = found.of_sessions(sessions)
    inside = [slice(found.session_offsets[one], found.session_offsets[one + 1]) for one in sessions]
    assert items.tolist() == np.concatenate([found.items[one] for one in inside]).tolist()
    assert found.queries_of(rows).tolist() == np.concatenate([found.queries[one] for one in inside]).tolist()
    assert owner.tolist() == same_owner.tolist() == sorted(owner.tolist())
