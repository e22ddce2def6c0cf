"""A probe finds what was planted in vectors, nothing in noise, and stands on the scale of the ceilings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import bench_here

from bench.data.corpus import Corpus
from bench.data.truth import read_truth
from bench.datasets.simulated import make
from bench.evaluation import probe
from bench.evaluation.probe import ProbedQueries, effective_rank, probe_vectors, probed_queries


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("probe") / "beauty"
    make(folder, name="beauty", sessions=1200, downstream=1000)
    return Corpus(folder)


@pytest.fixture(scope="module")
def queries(corpus: Corpus) -> ProbedQueries:
    return probed_queries(corpus)


def test_vectors_that_hold_one_half_of_the_intent_have_that_half(corpus: Corpus, queries: ProbedQueries) -> None:
    intents = read_truth(corpus).intents[queries.rows]
    mixed = (intents[:, :6] @ np.random.default_rng(0).normal(size=(6, 10))).astype(np.float32)
    found = probe_vectors(corpus, queries, mixed)
    assert found.text_r2 == pytest.approx(1, abs=0.01)
    assert found.visual_r2 == pytest.approx(0.09, abs=0.06), "the two halves are correlated by 0.3"
    assert found.effective_rank < 6.01
    assert found.width == 10


def test_who_holds_the_whole_intent_ranks_as_the_oracle_of_intents_does(
    corpus: Corpus, queries: ProbedQueries, tmp_path: Path
) -> None:
    found = probe_vectors(corpus, queries, read_truth(corpus).intents[queries.rows])
    words = ["run", "--task", "ctr", "--encoder", "vanilla", "--baseline", "oracle-intent", "--seeds", "1", "--json"]
    words += ["--set", "sessions=1200", "--set", "downstream=1000", "--out", str(tmp_path)]
    (oracle,) = (row["mean"] for row in bench_here(*words).rows if row["metric"] == "ndcg@10")
    assert found.ndcg == pytest.approx(oracle, abs=0.005)


def test_noise_says_nothing_and_no_test_session_is_fitted_on(corpus: Corpus, queries: ProbedQueries) -> None:
    noise = np.random.default_rng(1).normal(size=(len(queries.rows), 40)).astype(np.float32)
    found = probe_vectors(corpus, queries, noise)
    assert abs(found.text_r2) < 0.05
    assert abs(found.visual_r2) < 0.05
    split = corpus.columns.session_split[corpus.columns.query_session[queries.rows]]
    assert [set(split[part]) for part in (queries.train, queries.valid, queries.test)] == [{0}, {1}, {2}]


def test_of_many_sessions_some_are_measured_and_all_of_the_downstream_sample(
    corpus: Corpus, queries: ProbedQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vectors of every query of 972,000 sessions took hours."""
    monkeypatch.setattr(probe, "MOST_QUERIES", {"train": 50, "valid": 40, "test": 30})
    few = probed_queries(corpus)
    assert (len(few.train), len(few.valid)) == (50, 40)
    downstream = corpus.columns.session_downstream[corpus.columns.query_session[queries.rows[queries.test]]]
    np.testing.assert_array_equal(few.rows[few.test], queries.rows[queries.test][downstream])
    monkeypatch.setattr(probe, "MOST_QUERIES", {"train": 50, "valid": 40, "test": len(few.test) + 7})
    more = probed_queries(corpus)
    assert len(more.test) == len(few.test) + 7
    assert set(few.rows[few.test]) < set(more.rows[more.test])


def test_the_effective_rank_counts_equal_directions() -> None:
    vectors = np.random.default_rng(2).normal(size=(20_000, 5)).astype(np.float32)
    assert effective_rank(vectors) == pytest.approx(5, abs=0.01)
    repeated = np.concatenate([vectors, vectors, np.ones((20_000, 3), np.float32)], axis=1)
    assert effective_rank(repeated) == pytest.approx(5, abs=0.01), "copies and constants add none"


def test_the_command_says_what_it_found_of_each_encoder_and_seed(tmp_path: Path) -> None:
    words = [
        "probe",
        "--encoder",
        "random,meanpool[width=8]",
        "--seeds",
        "2",
        "--set",
        "sessions=300",
        "--set",
        "downstream=200",
    ]
    rows = bench_here(*words, "--json", "--out", tmp_path).rows
    assert [(row["encoder"], row["seed"]) for row in rows] == [
        (e, s) for e in ("random", "meanpool[width=8]") for s in (0, 1)
    ]
    assert all(row["dataset"] == "beauty (simulated)" and 0 < row["ndcg"] < 1 for row in rows)
    table = bench_here(*words, "--out", tmp_path)
    assert table.code == 0
    assert "meanpool[width=8]" in table.out


def test_a_real_log_has_no_intents_to_read(tmp_path: Path) -> None:
    from small_corpora import random_corpus

    log = random_corpus(tmp_path / "log", 60)
    ran = bench_here("probe", "--encoder", "random", "--dataset", str(log.folder), "--out", str(tmp_path / "runs"))
    assert "no known truth" in ran.error
