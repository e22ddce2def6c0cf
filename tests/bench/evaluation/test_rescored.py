"""Stored clicks by other metrics and slices: the numbers, what is left out, the family, and a planted gain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats
from scored_cells import Scorer, run_results, stored_clicks
from sklearn.metrics import average_precision_score, roc_auc_score
from small_corpora import Altered, random_corpus

from bench.data.corpus import Corpus
from bench.data.schema import PRODUCT
from bench.evaluation.rescored import Rescored, rescore
from bench.plugins.registry import registry
from bench.reports.score_table import score_tables
from bench.stats.crossed import crossed_difference

SEEDS = 5


def noise(queries: NDArray, clicked: NDArray, seed: int) -> NDArray:
    return np.random.default_rng(seed).permuted(np.tile(np.arange(clicked.shape[1]) / 8, (len(queries), 1)), axis=1)


def of_product_turns(corpus: Corpus) -> Scorer:
    """Better than noise where the query is a product query, and noise of its own elsewhere."""

    def scores(queries: NDArray, clicked: NDArray, seed: int) -> NDArray:
        product = corpus.columns.query_kind[queries] == PRODUCT
        return noise(queries, clicked, seed + 50) + 0.5625 * (clicked & product[:, None])

    return scores


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """One in five queries has no click."""
    made = random_corpus(tmp_path_factory.mktemp("rescored") / "small", sessions=400)
    clicked = np.array(made.columns.impression_clicked)
    clicked[np.arange(len(clicked)) // 6 % 5 == 0] = False
    return Altered(made, impression_clicked=clicked)


@pytest.fixture(scope="module")
def folder(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rescored-runs")


@pytest.fixture(scope="module")
def results(corpus: Corpus, folder: Path) -> Rescored:
    scorers = {"vanilla": noise, "lstm": of_product_turns(corpus)}
    source = run_results(folder, stored_clicks(folder, corpus, scorers, SEEDS))
    return rescore(source, ["ndcg@10", "MAP", "AUC"], ["product-turns", "keyword-turns"], registry())


def rows_of(results: Rescored) -> dict[tuple[str, str, str], dict]:
    (table,) = score_tables(results)
    return {(row["slice"], row["encoder"], row["metric"]): row for row in table.rows}


def predictions(folder: Path, encoder: str, seed: int) -> pd.DataFrame:
    return pd.read_parquet(folder / "cells" / f"{encoder}-None-{seed}" / "predictions.parquet")


def in_slice(corpus: Corpus, product: bool) -> set[str]:
    ids = corpus.strings("queries", "query_id").to_pylist()
    return {name for name, kind in zip(ids, corpus.columns.query_kind, strict=True) if (kind == PRODUCT) == product}


def test_numbers_are_those_of_each_query_of_the_slice_from_its_stored_scores(
    corpus: Corpus, folder: Path, results: Rescored
) -> None:
    rows, held = rows_of(results), in_slice(corpus, product=True)
    for name, formula in (("AP", average_precision_score), ("AUC", roc_auc_score)):
        seeds = []
        for seed in range(SEEDS):
            queries = predictions(folder, "lstm", seed).groupby("unit")
            # trec_eval and scikit-learn agree where no scores are tied, as here
            scored = {u: formula(q["clicked"], q["score"]) for u, q in queries if u in held and q["clicked"].any()}
            seeds.append(np.mean(list(scored.values())))
        row = rows["product-turns", "lstm", name]
        assert row["mean"] == pytest.approx(np.mean(seeds))
        assert row["std"] == pytest.approx(np.std(seeds, ddof=1))
        assert row["n_queries"] == len(scored)
        assert row["n_left_out"] == len(held & set(queries.groups)) - len(scored) > 0


def test_ndcg_at_10_is_what_the_cells_scored_and_leaves_no_query_out(folder: Path, results: Rescored) -> None:
    row = rows_of(results)["all", "lstm", "nDCG@10"]
    stored = [pd.read_parquet(folder / "cells" / key / "scores.parquet") for key in row["key"].split()]
    values = [frame.loc[frame["metric"] == "ndcg@10", "value"].mean() for frame in stored]
    assert row["mean"] == pytest.approx(np.mean(values), abs=1e-9)
    assert row["n_queries"] == stored[0]["unit"].nunique()
    assert row["n_left_out"] == 0


def test_a_gain_on_product_turns_alone_is_found_there_and_nowhere_else(results: Rescored) -> None:
    rows = rows_of(results)
    for metric in ("nDCG@10", "AP", "AUC"):
        there, elsewhere = (rows[name, "lstm", metric] for name in ("product-turns", "keyword-turns"))
        assert there["delta"] > 0.1
        assert there["p_adjusted"] < 1e-3
        assert abs(elsewhere["delta"]) < 0.05
        assert elsewhere["p_adjusted"] > 0.05
        assert elsewhere["delta"] < rows["all", "lstm", metric]["delta"] < there["delta"]


def test_differences_are_tested_over_users_and_seeds_of_the_slice(
    corpus: Corpus, folder: Path, results: Rescored
) -> None:
    held = in_slice(corpus, product=True)

    def scores(encoder: str) -> pd.DataFrame:
        frames = [pd.read_parquet(folder / "cells" / f"{encoder}-None-{s}" / "scores.parquet") for s in range(SEEDS)]
        kept = [f[(f["metric"] == "ndcg@10") & f["unit"].isin(held)].set_index("unit") for f in frames]
        return pd.concat([f["value"] for f in kept], axis=1).assign(user=kept[0]["user"])

    lstm, vanilla = scores("lstm"), scores("vanilla")
    differences = (lstm.drop(columns="user") - vanilla.drop(columns="user")).to_numpy().T
    expected = crossed_difference(differences, lstm["user"])
    row = rows_of(results)["product-turns", "lstm", "nDCG@10"]
    for name in ("delta", "p", "degrees"):
        assert row[name] == pytest.approx(getattr(expected, name)), name
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((expected.low, expected.high))
    assert row["n_users"] == lstm["user"].nunique()


def test_holm_is_over_everything_that_was_asked(results: Rescored, corpus: Corpus, folder: Path) -> None:
    rows = [row for row in rows_of(results).values() if row["encoder"] == "lstm"]
    assert {row["family_size"] for row in rows} == {len(rows)} == {9}
    p = sorted(row["p"] for row in rows)
    smallest = min(rows, key=lambda row: row["p"])
    assert smallest["p_adjusted"] == pytest.approx(min(1, 9 * p[0]))
    scorers = {"vanilla": noise, "lstm": of_product_turns(corpus)}
    alone = rescore(run_results(folder, stored_clicks(folder, corpus, scorers, SEEDS)), [], [], registry())
    assert list(rows_of(alone)) == [("all", "vanilla", "nDCG@10"), ("all", "lstm", "nDCG@10")]
    assert rows_of(alone)["all", "lstm", "nDCG@10"]["family_size"] == 1


def test_the_table_says_what_it_is(results: Rescored) -> None:
    (table,) = score_tables(results)
    notes = " ".join(table.notes)
    for said in (
        "Exploratory",
        "everything that was asked (9 hypotheses)",
        "Smallest difference found",
        "Note: random",
    ):
        assert said in notes
    assert "AP is not defined for, and leaves out: " in notes
    assert "product-turns: Product queries" in notes
    assert [line.stubs[0] for line in table.lines] == ["all", "", "product-turns", "", "keyword-turns", ""]
    assert table.lines[2].cells[0].text == f"{rows_of(results)['product-turns', 'lstm', 'nDCG@10']['n_queries']:,}"


def test_a_slice_that_holds_nothing_is_missing_and_says_why(corpus: Corpus, folder: Path) -> None:
    scorers = {"vanilla": noise, "lstm": of_product_turns(corpus)}
    source = run_results(folder, stored_clicks(folder, corpus, scorers, SEEDS))
    results = rescore(source, [], ["long-sessions[steps=40]"], registry())
    (table,) = score_tables(results)
    empty = rows_of(results)["long-sessions[steps=40]", "lstm", "nDCG@10"]
    assert (empty["status"], empty["mean"], empty["p"], empty["n_left_out"]) == ("missing", None, None, None)
    assert "long-sessions[steps=40]: no unit of the test split is in it." in table.notes
    assert table.lines[-1].cells[2].text == "MISSING"


def test_corpora_that_are_replicates_are_tested_as_such(tmp_path: Path) -> None:
    cells = []
    for number in (1, 2, 3):
        made = random_corpus(tmp_path / f"corpus{number}", sessions=120, seed=number)
        scorers = {"vanilla": noise, "lstm": of_product_turns(made)}
        cells += stored_clicks(tmp_path / "runs", made, scorers, 2, corpus_seed=number)
    rows = rows_of(rescore(run_results(tmp_path / "runs", cells), ["AP"], ["product-turns"], registry()))
    row = rows["product-turns", "lstm", "AP"]
    assert row["n_corpora"] == 3
    assert row["test"] == "t over corpora"
    assert row["p"] == pytest.approx(stats.ttest_1samp(row["corpus_deltas"], 0).pvalue)
    assert min(row["corpus_deltas"]) > 0.1
    assert rows["all", "lstm", "AP"]["delta"] < row["delta"]
