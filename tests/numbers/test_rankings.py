"""Rankings of odd scores: every measure is a number between 0 and 1, or NaN where it says so, and never a warning."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.metrics.measures import FORMULAS, Measure, RankedLists, measure_of
from bench.metrics.ranking import ranking_metrics, tied_top
from bench.metrics.vocabulary import top_words

pytestmark = pytest.mark.filterwarnings("error")

SCORES = {
    "NaN": np.full((2, 3), math.nan),
    "infinity": np.array([[math.inf, -math.inf, 0.0], [math.inf, math.inf, math.nan]]),
    "constant": np.zeros((2, 3)),
    "as large as can be": np.array([[1e308, -1e308, 1e308], [1e-308, 0.0, -1e-308]]),
    "empty candidate lists": np.zeros((2, 0)),
    "no query": np.zeros((0, 3)),
    "nothing": np.zeros((0, 0)),
}
MEASURES = [
    Measure(formula, k)
    for formula in FORMULAS
    for k in (None, 2, 1_000_000)
    if formula.cut == "may" or (formula.cut == "must") == (k is not None)
]
SHOWN = {"none clicked": (True, False), "all clicked": (True, True), "no candidate": (False, True)}


def lists_of(scores: NDArray[np.float64], shown: bool, clicked: bool) -> RankedLists:
    """Whole lists in which everything or nothing is shown, and clicked."""
    there = np.full(scores.shape, shown)
    top = tied_top(scores, np.full(scores.shape, clicked), there, max(scores.shape[1], 1))
    return RankedLists(top, there.sum(1))


@pytest.mark.parametrize("circumstance", SHOWN)
@pytest.mark.parametrize("name", SCORES)
def test_every_measure_is_defined_or_says_that_it_is_not(name: str, circumstance: str) -> None:
    shown, clicked = SHOWN[circumstance]
    scores, relevant = SCORES[name], shown and clicked and SCORES[name].shape[1] > 0
    own = ranking_metrics(scores, np.full(scores.shape, clicked), np.full(scores.shape, shown))
    for values in own.values():  # what tasks store: 0 without a relevant candidate, 1 where all are relevant
        assert values.tolist() == [float(relevant)] * len(scores)
    for measure in MEASURES:
        values = measure.of(lists_of(scores, shown, clicked))
        assert values.shape == (len(scores),)
        undefined = np.isnan(values)
        assert ((values[~undefined] >= 0) & (values[~undefined] <= 1)).all(), measure.name
        if undefined.any():  # one that is not defined for one of these queries is defined for none of them
            assert undefined.all()
            assert measure.formula.name == "AUC" or not relevant, measure.name


def test_a_cut_off_far_beyond_the_list_is_that_of_the_list() -> None:
    """A cut-off of 10⁹ filled up the lists of every query to 10⁹ ranks."""
    drawn = np.random.default_rng(0)
    scores, clicked = drawn.normal(size=(4, 7)), drawn.random((4, 7)) < 0.5
    there = np.ones((4, 7), dtype=bool)
    lists = RankedLists(tied_top(scores, clicked, there, 7), there.sum(1))
    for name in ("nDCG", "AP", "ERR", "RR"):
        np.testing.assert_allclose(measure_of(f"{name}@1000000").of(lists), measure_of(name).of(lists))
    np.testing.assert_allclose(measure_of("HR@1000000").of(lists), clicked.any(1))


@pytest.mark.parametrize("cut", ["0", "-1", "nan", "1.5", "1000001", "9" * 40, "9" * 5_000, "²"])
def test_an_absurd_cut_off_is_one_short_line(cut: str) -> None:
    with pytest.raises(BenchError, match="no cut-off") as refused:
        measure_of(f"nDCG@{cut}")
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, 0.0])
@pytest.mark.parametrize("words", [0, 1, 12])
def test_a_vocabulary_of_constant_or_odd_scores_is_drawn_from(words: int, score: float) -> None:
    """Two units: the first has a relevant word where there is one, the second has none, as one never seen."""
    relevant = torch.arange(min(words, 1))
    top = top_words(torch.full((2, words), score), relevant, torch.zeros_like(relevant), torch.ones(words, 3))
    expected = 0.0 if not words else min(1.0, 10 / words)
    assert top.ties.metrics()["hr@10"].tolist() == pytest.approx([expected, 0.0])
