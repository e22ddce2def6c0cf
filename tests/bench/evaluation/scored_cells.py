"""Cells of click prediction on a real corpus, with scores that a test chose: what ``bench run`` would have stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.data.candidates import all_candidates
from bench.data.corpus import Corpus
from bench.evaluation.summary import results_of
from bench.evaluation.tests import Results
from bench.metrics.ranking import ranking_metrics
from bench.runs.jobs import Cell, Job
from bench.runs.store import Store, write_record

Scorer = Callable[[NDArray[np.int64], NDArray[np.bool_], int], NDArray[np.float64]]
"""From query rows (Q,), clicks (Q, K) and seed to scores (Q, K)."""


def stored_clicks(
    folder: Path, corpus: Corpus, scorers: dict[str, Scorer], seeds: int, corpus_seed: int | None = None
) -> list[Cell]:
    """Stores a cell for each scorer and seed, scored on every query of the test split, those without a click too."""
    store, cells = Store(folder), []
    sessions = set(corpus.session_rows("test").tolist())
    queries = np.array([q for q, s in enumerate(corpus.columns.query_session) if s in sessions])
    candidates = all_candidates(corpus, queries)
    unit = corpus.strings("queries", "query_id").take(queries).to_pandas()
    user = corpus.strings("sessions", "user").take(corpus.columns.query_session[queries]).to_pandas()
    for encoder, scorer in scorers.items():
        for seed in range(seeds):
            scores = scorer(queries, candidates.clicked, seed + 100 * (corpus_seed or 0)).astype(np.float32)
            metrics = ranking_metrics(scores, candidates.clicked, candidates.shown)
            about = pd.DataFrame({"unit": unit, "user": user})
            long = pd.concat([about.assign(metric=name, value=value) for name, value in metrics.items()])
            query, place = np.nonzero(candidates.shown)
            predictions = pd.DataFrame(
                {
                    "unit": unit.to_numpy()[query],
                    "item": candidates.items[query, place],
                    "clicked": candidates.clicked[query, place],
                    "score": scores[query, place],
                }
            )
            key = f"{encoder}-{corpus_seed}-{seed}"
            with store.publish("cells", key) as writing:
                long.to_parquet(writing / "scores.parquet")
                predictions.sample(frac=1, random_state=seed).to_parquet(writing / "predictions.parquet")
                pd.DataFrame({"epoch": [1], "valid": [0.5]}).to_parquet(writing / "curve.parquet")
                write_record(writing, "cells", {"status": "done", "key": key, "warnings": []})
            job = Job("cells", key, {"seed": seed}, str(corpus.folder), (), key)
            cells.append(Cell("small", "ctr", "transearch", encoder, seed, (job,), corpus_seed))
    return cells


def run_results(folder: Path, cells: list[Cell]) -> Results:
    """The results of these cells, as of a run."""
    return results_of(cells, Store(folder))
