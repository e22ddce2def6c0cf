"""Measures time and memory of what stands between a corpus and a click model, a part per process.

::

    python results/scale/measure_downstream.py CORPUS … > rows.csv

``examples`` trains a click model of two small matrices for one epoch on frozen vectors of width 64 and scores the test
split, so that nearly all is the harness's. Memory is the peak of what the process has to itself (``RssAnon``) less what
it had when the corpus was open and the libraries loaded: mapped files do not count.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bench.contracts import ClickBatch, ClickCorpus, ClickDims, ClickModel
from bench.data.corpus import Corpus
from bench.training.context import TrainingContext
from bench.training.session_vectors import FrozenVectors

WIDTH = 64


class TwoMatrices(ClickModel):
    """Mean word vectors of query and title, each through a matrix."""

    context_dim, batch_size, independent_items = 16, 1024, True

    def __init__(self, dims: ClickDims) -> None:
        super().__init__(dims)
        self.query, self.title = (nn.Linear(dims.features.words, 16) for _ in range(2))

    def context(self, batch: ClickBatch) -> Tensor:
        return self.query(batch.query_text)

    def items(self, batch: ClickBatch) -> Tensor:
        return self.title(batch.item_text)

    def match(self, context: Tensor, items: Tensor) -> Tensor:
        return torch.einsum("bkd,bd->bk", items, context)

    def loss(self, scores: Tensor, clicks: Tensor, shown: Tensor) -> Tensor:
        return (nn.functional.binary_cross_entropy_with_logits(scores, clicks, reduction="none") * shown).mean()


def examples(corpus: Corpus, context: TrainingContext) -> None:
    """One epoch of a click model, and the scores of the test split."""
    from tasks.ctr import ClickPrediction

    task = ClickPrediction(epochs=1)
    file = Path(f"/tmp/vectors-{corpus.info.fingerprint[:12]}-{WIDTH}.npy")
    queries = task.units(corpus)
    if not file.exists():
        made = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(len(queries), WIDTH))
        for start in range(0, len(queries), 65_536):
            some = made[start : start + 65_536]
            some[:] = np.random.default_rng(start).standard_normal(some.shape)
    vectors = torch.from_numpy(np.load(file, mmap_mode=MAPPED))
    task.run(corpus, TwoMatrices, {}, FrozenVectors(torch.from_numpy(queries), vectors), context)


def reference(name: str) -> Callable[[Corpus, TrainingContext], None]:
    """Makes a reference's index."""

    def index(corpus: Corpus, context: TrainingContext) -> None:
        from baselines.references.bm25 import Bm25
        from baselines.references.popularity import ItemPopularity

        made = {"bm25": Bm25, "popularity": ItemPopularity}[name](ClickDims(context.features.dims, 1))
        made.prepare(ClickCorpus(corpus, context.features, np.zeros(0, np.int64)))

    return index


def neighbours(corpus: Corpus, context: TrainingContext) -> None:
    """Makes the lists of session nearest neighbours, and scores what 4,096 test queries showed."""
    from baselines.references.sknn import SessionNeighbours
    from tasks.examples.click import ClickExamples, example_queries
    from tasks.examples.click_evaluation import ClickEvaluation

    made = SessionNeighbours(ClickDims(context.features.dims, 1))
    made.prepare(ClickCorpus(corpus, context.features, np.zeros(0, np.int64)))
    examples = ClickExamples(corpus, context.features, 2)
    for _ in ClickEvaluation(examples, example_queries(corpus, "test")[:4_096]).scored(made.scores):
        pass


def click_graph(corpus: Corpus, context: TrainingContext) -> None:
    """HSCM's tables, of which its graph of training queries is one."""
    from baselines.hscm.click_graph import Sampling
    from baselines.hscm.history import Feedback, History

    History(ClickCorpus(corpus, context.features, np.zeros(0, np.int64)), 5, 20, Feedback(), Sampling())


PARTS: dict[str, Callable[[Corpus, TrainingContext], None]] = {
    "examples": examples,
    "popularity": reference("popularity"),
    "bm25": reference("bm25"),
    "sknn": neighbours,
    "hscm": click_graph,
}
MAPPED = "c" if hasattr(FrozenVectors, "rows_at_once") else None


def private() -> int:
    """Bytes that this process has to itself."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) * 1024


def measured(part: str, folder: str) -> str:
    """A row: part, downstream queries, seconds of processor time, bytes at the peak."""
    torch.set_num_threads(1)
    corpus = Corpus(folder)
    context = TrainingContext(corpus, 0)
    downstream = int(np.count_nonzero(corpus.columns.session_downstream[corpus.columns.query_session]))
    import pandas  # noqa: F401
    import scipy.sparse  # noqa: F401

    _ = context.features
    before, peak, done = private(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            peak[0] = max(peak[0], private())

    threading.Thread(target=watch, daemon=True).start()
    started = time.process_time()
    PARTS[part](corpus, context)
    seconds = time.process_time() - started
    done.set()
    return f"{part},{downstream},{seconds:.2f},{max(peak[0] - before, 0)}"


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "--part":
        print(measured(sys.argv[2], sys.argv[3]))
    else:
        names = [name for name in sys.argv[1:] if name in PARTS] or list(PARTS)
        for folder in [name for name in sys.argv[1:] if name not in PARTS]:
            for name in names:
                subprocess.run([sys.executable, __file__, "--part", name, folder], check=True)
