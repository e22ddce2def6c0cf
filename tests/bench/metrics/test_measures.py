"""Measures of ``bench score``: by their definitions over all orders of ties, and as trec_eval and scikit-learn."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from bench.errors import BenchError
from bench.metrics.measures import RankedLists, measure_of
from bench.metrics.ranking import tied_top


def measured(name: str, scores: NDArray, relevant: NDArray, shown: NDArray | None = None) -> NDArray:
    """(Q,) the measure of whole lists."""
    scores, relevant = np.atleast_2d(scores), np.atleast_2d(relevant)
    shown = np.ones(scores.shape, dtype=bool) if shown is None else np.atleast_2d(shown)
    return measure_of(name).of(RankedLists(tied_top(scores, relevant, shown, scores.shape[1]), shown.sum(1)))


# ---- one ranked list, from the definitions ---------------------------------------------------------------------------


def discounted_gain(ranked: list[bool], k: int) -> float:
    return sum(1 / np.log2(rank + 1) for rank, r in enumerate(ranked[:k], 1) if r)


def stops(ranked: list[bool], k: int) -> float:
    """ERR: at each rank the user is still reading with some probability, and stops at half of the relevant ones."""
    reading, total = 1.0, 0.0
    for rank, r in enumerate(ranked[:k], 1):
        total += reading * 0.5 * r / rank
        reading *= 0.5 if r else 1.0
    return total


def of_one_order(name: str, ranked: list[bool]) -> float:
    base, _, cut = name.partition("@")
    k, relevant = int(cut or len(ranked)), sum(ranked)
    hits = [rank for rank, r in enumerate(ranked[:k], 1) if r]
    formulas: dict[str, Callable[[], float]] = {
        "nDCG": lambda: discounted_gain(ranked, k) / discounted_gain([True] * relevant, k) if relevant and k else 0.0,
        "AP": lambda: sum(sum(ranked[:rank]) / rank for rank in hits) / relevant if relevant else np.nan,
        "ERR": lambda: stops(ranked, k),
        "RR": lambda: 1 / hits[0] if hits else 0.0,
        "P": lambda: len(hits) / k,
        "R": lambda: len(hits) / relevant if relevant else np.nan,
        "Success": lambda: float(bool(hits)),
    }
    return formulas[base]()


def over_all_orders(name: str, scores: list[float], relevant: list[bool]) -> float:
    """Mean over every order of the candidates that the scores allow."""
    allowed = [
        of_one_order(name, [relevant[i] for i in order])
        for order in itertools.permutations(range(len(scores)))
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order))
    ]
    return float(np.mean(allowed))


def pairs_in_order(scores: NDArray, relevant: NDArray) -> float:
    pairs = [np.sign(s - t) for s in scores[relevant] for t in scores[~relevant]]
    return float(np.mean(pairs)) / 2 + 0.5 if pairs else np.nan


NAMES = ("nDCG", "AP", "ERR", "RR", "nDCG@2", "AP@2", "ERR@3", "RR@2", "P@2", "P@9", "R@3", "Success@2")


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6),
    st.sampled_from(NAMES),
    st.integers(0, 3),
)
def test_ties_are_the_mean_over_all_their_orders(candidates: list[tuple[int, bool]], name: str, filled: int) -> None:
    """Filled-up places are no candidates, whatever their scores say."""
    scores, relevant = [float(s) for s, _ in candidates], [r for _, r in candidates]
    shown = np.array([True] * len(scores) + [False] * filled)
    found = measured(name, np.array(scores + [2.0] * filled), np.array(relevant + [True] * filled), shown)[0]
    np.testing.assert_allclose(found, over_all_orders(name, scores, relevant), atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=9), st.integers(0, 2))
def test_auc_is_the_share_of_pairs_in_the_right_order(candidates: list[tuple[int, bool]], filled: int) -> None:
    scores, relevant = np.array([s for s, _ in candidates], float), np.array([r for _, r in candidates])
    shown = np.arange(len(scores) + filled) < len(scores)
    padded = [np.concatenate([values, np.ones(filled, values.dtype)]) for values in (scores, relevant)]
    expected = pairs_in_order(scores, relevant)
    np.testing.assert_allclose(measured("AUC", *padded, shown)[0], expected, atol=1e-12)
    if np.isfinite(expected):
        assert expected == pytest.approx(roc_auc_score(relevant, scores))


# ---- other people's code ---------------------------------------------------------------------------------------------

TREC = {
    "AP": "map",
    "AP@5": "map_cut.5",
    "nDCG": "ndcg",
    "nDCG@5": "ndcg_cut.5",
    "RR": "recip_rank",
    "P@5": "P.5",
    "P@30": "P.30",
    "R@5": "recall.5",
    "R@30": "recall.30",
    "Success@5": "success.5",
}


@pytest.mark.parametrize("name", TREC)
@pytest.mark.parametrize(("width", "share"), [(3, 0.5), (12, 0.3), (200, 0.02)])
def test_rankings_without_ties_are_scored_as_by_trec_eval(name: str, width: int, share: float) -> None:
    rng = np.random.default_rng(width)
    scores, relevant = np.argsort(rng.random((80, width)), axis=1).astype(float), rng.random((80, width)) < share
    relevant[:, 0] |= ~relevant.any(1)  # without a relevant document it says 0, and we leave the query out
    truth = {str(q): {f"d{i}": int(relevant[q, i]) for i in range(width)} for q in range(80)}
    run = {str(q): {f"d{i}": scores[q, i] for i in range(width)} for q in range(80)}
    theirs = pytrec_eval.RelevanceEvaluator(truth, {TREC[name]}).evaluate(run)
    expected = [theirs[str(q)][TREC[name].replace(".", "_")] for q in range(80)]
    np.testing.assert_allclose(measured(name, scores, relevant), expected, atol=1e-9)


def test_expected_reciprocal_rank_with_many_tied_relevant_candidates_stays_exact() -> None:
    """Against drawn orders: half of 60 tied candidates are relevant, below 3 of which one is."""
    rng = np.random.default_rng(0)
    relevant = np.concatenate([[False, True, False], np.arange(60) % 2 == 0])
    scores = np.concatenate([[3.0, 2.0, 1.0], np.zeros(60)])
    drawn = [stops([*relevant[:3], *rng.permutation(relevant[3:])], 63) for _ in range(20_000)]
    assert measured("ERR", scores, relevant)[0] == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / 140)


# ---- what is left out, and names -------------------------------------------------------------------------------------


def test_a_query_that_a_measure_is_not_defined_for_is_nan() -> None:
    scores = np.arange(4.0)
    for name in ("AP", "AP@2", "R@2", "AUC"):
        assert np.isnan(measured(name, scores, np.zeros(4, dtype=bool))).all(), name
    assert np.isnan(measured("AUC", scores, np.ones(4, dtype=bool))).all()
    for name in ("nDCG", "ERR", "RR", "P@2", "Success@2"):
        assert measured(name, scores, np.zeros(4, dtype=bool)) == 0, name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("ndcg@5", "nDCG@5"),
        ("MAP", "AP"),
        ("map@3", "AP@3"),
        ("HR@10", "Success@10"),
        ("mrr@10", "RR@10"),
        ("p@1", "P@1"),
    ],
)
def test_a_name_is_read_in_any_case_and_written_as_ir_measures_does(typed: str, name: str) -> None:
    assert measure_of(typed).name == name


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("ngcd@10", "did you mean nDCG"),
        ("sucess@1", "did you mean Success"),
        ("zzz", "known: AP, AUC, ERR"),
        ("P", "P needs a cut-off (such as P@10)"),
        ("AUC@10", "AUC takes no cut-off"),
        ("nDCG@0", "'0' is no cut-off"),
        ("nDCG@", "'' is no cut-off"),
        ("nDCG@-1", "'-1' is no cut-off"),
        ("nDCG(dcg='exp-log2')@10", "no metric is called"),
    ],
)
def test_a_wrong_name_is_one_line(typed: str, said: str) -> None:
    with pytest.raises(BenchError) as raised:
        measure_of(typed)
    assert said in str(raised.value)


def test_the_first_ranks_alone_give_what_they_can() -> None:
    """A top list with the number of relevant candidates has every measure down to its depth, and no other."""
    rng = np.random.default_rng(3)
    scores, relevant = rng.random((20, 30)), rng.random((20, 30)) < 0.2
    whole, shown = scores.copy(), np.ones((20, 30), dtype=bool)
    top = RankedLists(tied_top(whole, relevant, shown, 10))
    for name in ("nDCG@5", "AP@10", "R@10", "ERR@3", "RR@10", "P@10"):
        np.testing.assert_allclose(measure_of(name).of(top), measured(name, scores, relevant), atol=1e-12)
    for name in ("nDCG@11", "AP", "AUC"):
        with pytest.raises(BenchError, match="the first 10 only"):
            measure_of(name).of(top)
