"""What click prediction holds grows with the queries, not with what they showed: that is looked up, or lies on disk."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from baselines.references.popularity import ItemPopularity
from bench.data import candidates, clicks
from bench.data.corpus import Corpus
from bench.datasets.simulated import make
from bench.training.context import TrainingContext
from bench.training.session_vectors import TrainedAlong
from encoders.controls import Vanilla
from tasks.ctr import ClickPrediction
from tasks.examples import click_evaluation


def peak(corpus: Corpus, scratch: Path) -> int:
    """Bytes that Python and numpy have allocated at most while a test split is scored."""
    context = TrainingContext(corpus, 0, scratch=scratch)
    _ = context.features
    tracemalloc.start()
    result = ClickPrediction().run(corpus, ItemPopularity, {}, TrainedAlong(Vanilla, context), context)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(result.predictions) == 40 * result.scores["unit"].nunique()
    return found


@pytest.mark.skipif(int(pd.__version__.split(".")[0]) < 3, reason="texts are Python objects before pandas 3")
def test_what_is_shown_is_never_in_memory_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "_KEPT_CELLS", 0)
    monkeypatch.setattr(candidates, "_QUERIES", 32)
    monkeypatch.setattr(click_evaluation, "_QUERIES", 32)
    monkeypatch.setattr(clicks, "_QUERIES", 64)  # what is looked at at a time hides nothing
    monkeypatch.setattr(clicks, "_SESSIONS", 16)
    peaks, queries = [], []
    for sessions in (200, 800):
        make(tmp_path / str(sessions), name="beauty", sessions=sessions, downstream=sessions)
        corpus = Corpus(tmp_path / str(sessions))
        peak(corpus, tmp_path)  # imports
        peaks.append(peak(corpus, tmp_path))
        queries.append(int(np.count_nonzero(corpus.columns.session_split[corpus.columns.query_session] == 2)))
    assert (peaks[1] - peaks[0]) / (queries[1] - queries[0]) < 300  # 103 measured, 2,751 with all of it in memory
