"""The statistics of a whole table: Table 2's family with both tests, and a pooled metric's bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.metrics.auc import auc_metric
from bench.metrics.classification import confusion_metric, macro_f1
from bench.stats.crossed import Difference
from bench.stats.examples import Examples, Pair, Scores
from bench.stats.family import Family, Hypothesis
from bench.stats.outcome import evaluate
from bench.stats.pooled import pooled_difference
from bench.stats.users import Users

pytestmark = pytest.mark.slow

SEEDS, QUERIES, USERS = 5, 50_000, 20_000


def test_table_2(benchmark: BenchmarkFixture) -> None:
    """27 contrasts of 3 datasets; measured at 2 to 4 s on one core."""
    rng = np.random.default_rng(0)
    results = {}
    for dataset in ("beauty", "clothes", "digital"):
        examples = Examples.of(np.arange(QUERIES), np.arange(QUERIES) % USERS)
        for baseline in ("transearch", "alstp", "hscm"):
            vanilla, *others = (Scores.of(rng.random((SEEDS, QUERIES)), examples) for _ in range(4))
            for encoder, scores in zip(("lstm", "muvcog-t", "muvcog-m"), others, strict=True):
                hypothesis = Hypothesis("ctr", dataset, baseline, encoder, "vanilla", "ndcg@10")
                results[hypothesis] = Pair.of(scores, vanilla)
    outcomes = benchmark.pedantic(evaluate, (Family("ctr primary", tuple(results)), results), rounds=1)
    assert len(outcomes) == 27


def test_pooled_metrics_of_30_000_sessions(benchmark: BenchmarkFixture) -> None:
    """Macro F1 and macro AUC of 3 classes; measured at 0.6 and 5 s."""
    rng = np.random.default_rng(0)
    users = Users.of(rng.integers(0, USERS, 30_000))
    truth = rng.integers(0, 3, 30_000)
    positive = truth[:, None] == np.arange(3)
    scores = [rng.normal(size=(SEEDS, 30_000, 3)) + positive for _ in range(2)]

    def both() -> tuple[Difference, Difference]:
        f1 = pooled_difference(*(confusion_metric(truth, s.argmax(2), users.code, 3, macro_f1) for s in scores), users)
        return f1, pooled_difference(*(auc_metric(positive, s, users.code) for s in scores), users)

    f1, auc = benchmark.pedantic(both, rounds=1)
    assert f1.error > 0
    assert auc.error > 0
