"""Results over several corpora: each corpus by its own queries, the test over corpora, a failure told and counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from stored_results import QUERIES, USERS, Stored, part_of, values

from bench.evaluation.experiment import Part
from bench.evaluation.summary import results_of, summarise
from bench.evaluation.tests import Results
from bench.runs.replicates import model_seeds
from bench.stats.family import Family, Hypothesis

CORPORA, SEEDS = 3, 2
PLACE = ("table2", "d", "b")
ENCODERS = ("vanilla", "lstm", "muvcog-m")


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return Stored(tmp_path)


def on_corpora(stored: Stored, part: Part, *encoders: str, failing: tuple[str, int] | None = None) -> None:
    """Cells of all corpora; those of different ones have different candidates, as different queries would have."""
    for encoder in encoders:
        for corpus in range(1, CORPORA + 1):
            for seed in model_seeds(corpus, SEEDS):
                if part.task == "intent":
                    stored.classified(part, encoder, seed, 0.9 if encoder == "lstm" else 0.5)
                elif (encoder, corpus) == failing:
                    stored.failed(part, encoder, seed, "no luck")
                else:
                    stored.ranked(part, encoder, seed, item=corpus)
                stored.cells[part.id][-1] = replace(stored.cells[part.id][-1], corpus_seed=corpus)


def results(stored: Stored, part: Part, **more: object) -> Results:
    return stored.results(part, seeds=SEEDS, corpus_seeds=CORPORA, **more)  # type: ignore[arg-type]


def by_corpus(encoder: str, metric: str = "ndcg@10") -> np.ndarray:
    """(C,) the mean over a corpus's seeds and queries."""
    corpora = [model_seeds(corpus, SEEDS) for corpus in range(1, CORPORA + 1)]
    return np.array([np.mean([values(encoder, seed, metric) for seed in seeds]) for seeds in corpora])


def test_values_and_differences_are_those_of_the_corpora(stored: Stored) -> None:
    part = part_of(*ENCODERS)
    on_corpora(stored, part, *ENCODERS)
    found = results(stored, part)
    deltas = by_corpus("lstm") - by_corpus("vanilla")
    assert found.seed_values(*PLACE, "lstm", "ndcg@10") == pytest.approx(by_corpus("lstm"))
    difference = found.difference(*PLACE, "lstm", "vanilla", "ndcg@10")
    assert difference is not None
    assert difference.corpus_deltas == pytest.approx(deltas)
    assert difference.p == pytest.approx(stats.ttest_1samp(deltas, 0).pvalue)
    assert (difference.seeds, difference.users, difference.queries) == (6, 3 * USERS, 3 * QUERIES)
    interval = found.interval(*PLACE, "lstm", "ndcg@10")
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx(
        stats.t.interval(0.95, CORPORA - 1, by_corpus("lstm").mean(), stats.sem(by_corpus("lstm")))
    )
    assert found.strongest(*PLACE) == "lstm"
    assert found.outcome(*PLACE, "lstm", "ndcg@10").test == "t over corpora"  # type: ignore[union-attr]


def test_a_pooled_metric_is_tested_over_corpora_too(stored: Stored) -> None:
    part = part_of("vanilla", "lstm", id="table4", task="intent", metrics=("auc", "f1"))
    on_corpora(stored, part, "vanilla", "lstm")
    found = results(stored, part)
    place = ("table4", "d", "b")
    difference = found.difference(*place, "lstm", "vanilla", "auc")
    assert difference is not None
    mine = found.pooled(*place, "lstm")["auc"].reshape(CORPORA, SEEDS).mean(1)
    theirs = found.pooled(*place, "vanilla")["auc"].reshape(CORPORA, SEEDS).mean(1)
    assert difference.corpus_deltas == pytest.approx(mine - theirs)
    assert difference.p == pytest.approx(stats.ttest_1samp(mine - theirs, 0).pvalue)


def test_a_corpus_that_failed_is_told_and_its_hypotheses_count(stored: Stored) -> None:
    part = part_of(*ENCODERS)
    on_corpora(stored, part, *ENCODERS, failing=("muvcog-m", 2))
    one = Hypothesis("ctr", "d", "b", "lstm", "vanilla", "ndcg@10")
    family = Family("two", (one, replace(one, encoder="muvcog-m")))
    found = results(stored, part, families=(family,))
    status = found.status(*PLACE, "muvcog-m")
    assert (status.state, status.reason) == ("failed", "no result on corpus 2: no luck")
    assert found.warnings() == [
        "FAILED ctr d b × muvcog-m × corpus 2 × 2 seeds (2 cells): no luck  (bench show ctr-d-b-muvcog-m-1000)"
    ]
    lstm, muvcog = found.outcomes()["two"]
    assert lstm.difference is not None
    assert lstm.p_adjusted == pytest.approx(min(1, 2 * lstm.difference.p)), "the failed one counts as p = 1"
    assert (muvcog.difference, muvcog.verdict()) == (None, "not tested")


def test_a_run_summarises_corpora(stored: Stored) -> None:
    part = part_of(*ENCODERS)
    on_corpora(stored, part, *ENCODERS, failing=("muvcog-m", 3))
    rows = summarise(results_of(stored.cells["table2"], stored.store), "ndcg@10", "vanilla")
    by_name = {(row.encoder, row.metric): row for row in rows}
    lstm, broken = by_name["lstm", "ndcg@10"], by_name["muvcog-m", "ndcg@10"]
    deltas = by_corpus("lstm") - by_corpus("vanilla")
    assert (lstm.n_corpora, lstm.seeds, lstm.n_users, lstm.n_queries) == (3, 6, 3 * USERS, 3 * QUERIES)
    assert lstm.corpus_deltas == pytest.approx(deltas)
    assert (lstm.mean, lstm.std) == pytest.approx((by_corpus("lstm").mean(), by_corpus("lstm").std(ddof=1)))
    assert lstm.delta == pytest.approx(deltas.mean())
    assert lstm.p is not None
    assert lstm.p_adjusted == pytest.approx(min(1, 3 * lstm.p)), "of three hypotheses, the failed ones among them"
    assert (broken.status, broken.seeds, broken.n_corpora, broken.p_adjusted) == ("failed", 4, 3, None)
