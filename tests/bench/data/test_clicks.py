"""Clicked items of sessions are those of the impressions, counted in loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from small_corpora import random_corpus

from bench.data.clicks import SessionClicks


def test_clicks_of_sessions_against_the_tables(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "corpus", sessions=25)
    session = pq.read_table(corpus.folder / "queries.parquet")["session"].to_pylist()
    expected: list[list[int]] = [[] for _ in range(25)]
    for row in pq.read_table(corpus.folder / "impressions.parquet").to_pylist():
        if row["clicked"]:
            expected[session[row["query"]]].append(row["item"])
    clicks = SessionClicks.of(corpus)
    assert len(clicks.offsets) == 26
    items, owner = clicks.of_sessions(np.arange(25))
    assert [items[owner == s].tolist() for s in range(25)] == expected
    assert all(expected), "every session has clicks here"

    items, owner = clicks.of_sessions(np.array([7, 3, 7]))
    assert [items[owner == place].tolist() for place in range(3)] == [expected[7], expected[3], expected[7]]
    items, owner = clicks.of_sessions(np.array([], dtype=np.int64))
    assert len(items) == len(owner) == 0
