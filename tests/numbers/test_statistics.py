"""Statistics of odd numbers: where no test can be had, p is 1 and the interval endless."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.metrics.classification import classification_metrics, weighted_metric
from bench.stats.crossed import crossed_difference
from bench.stats.equivalence import equivalent_difference
from bench.stats.examples import Pair
from bench.stats.flips import sign_flips
from bench.stats.holm import holm
from bench.stats.nested import Replicates, nested_difference
from bench.stats.outcome import user_facts
from bench.stats.pooled import pooled_difference
from bench.stats.power import smallest_of
from bench.stats.users import Users

pytestmark = pytest.mark.filterwarnings("error")  # what NumPy warns of stands on a user's terminal

USERS = np.arange(12) // 2


def differences(seeds: int, odd: float | None = None) -> NDArray[np.float64]:
    """(seeds, 12) clearly above 0, one of them replaced by ``odd``."""
    drawn = np.random.default_rng(0).normal(1.0, 0.1, (seeds, len(USERS)))
    if odd is not None:
        drawn[0, 3] = odd
    return drawn


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, 1e200, -1e308])
@pytest.mark.parametrize("seeds", [1, 3, 5])  # Student's t with one and five, Banerjee's interval between
def test_a_number_that_is_none_makes_no_difference_significant(seeds: int, odd: float) -> None:
    """NaN had an error of 0, as it is not above 1e-30, and a difference without error has a p next to 0."""
    broken = differences(seeds, odd)
    found = crossed_difference(broken, USERS)
    assert (found.p, found.low, found.high) == (1.0, -math.inf, math.inf)
    assert [found.p_of(side) for side in ("two-sided", "greater", "less")] == [1.0] * 3
    assert equivalent_difference(broken, USERS, 0.01).p == 1.0
    assert smallest_of(found) is None
    sound = Pair.from_differences(differences(seeds), USERS)
    alone = sign_flips([sound], flips=99)[0]
    flipped = sign_flips([sound, Pair.from_differences(broken, USERS)], flips=99)
    assert flipped[0].p == alone.p, "one that is broken changes nothing for another"
    assert (flipped[1].p, flipped[1].p_adjusted) == (1.0, 1.0)


@pytest.mark.parametrize("odd", [math.nan, math.inf])
def test_a_corpus_whose_difference_is_no_number_makes_no_test(odd: float) -> None:
    found = nested_difference(Replicates(np.array([0.1, 0.1, odd]), 3, 30, 90))
    assert (found.p, found.low, found.high) == (1.0, -math.inf, math.inf)
    assert len(found.corpus_deltas) == 3


def test_holm_takes_what_could_not_be_tested_for_not_significant() -> None:
    assert holm([math.nan, 0.01, 0.2]).tolist() == holm([1.0, 0.01, 0.2]).tolist()
    assert holm([]).tolist() == []


@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_one_user_and_no_user_prove_nothing(seeds: int) -> None:
    alone, nobody = np.zeros(12), np.zeros(0)
    for values, user in ((differences(seeds), alone), (differences(seeds)[:, :0], nobody)):
        assert crossed_difference(values, user).p == 1.0
        pair = Pair.from_differences(values, user)
        assert sign_flips([pair], flips=99)[0].p == 1.0
    facts = user_facts(Pair.from_differences(differences(seeds), alone))
    assert (facts.effect, facts.won, facts.lost) == (None, 1, 0)


@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_constant_scores_of_two_systems_are_equal(seeds: int) -> None:
    equal = np.zeros((seeds, 12))
    assert crossed_difference(equal, USERS).p == 1.0
    assert sign_flips([Pair.from_differences(equal, USERS)], flips=99)[0].p == 1.0


def test_without_a_seed_there_is_nothing_to_test() -> None:
    with pytest.raises(BenchError, match="no seed was scored"):
        crossed_difference(np.zeros((0, 12)), USERS)


def test_one_class_has_no_auc_and_is_not_tested() -> None:
    """The number is NaN, and the test a ValueError that the evaluation takes for "not tested"."""
    label, probabilities, users = np.zeros(12, dtype=np.int64), differences(2)[:, :, None], Users.of(USERS)
    assert math.isnan(classification_metrics(label, label, probabilities[0])["auc"])
    metric = weighted_metric("auc", label, np.tile(label, (2, 1)), probabilities, users.code)
    assert metric is not None
    with pytest.raises(ValueError, match="not defined"):
        pooled_difference(metric, metric, users, draws=20)


def test_nan_and_infinity_among_probabilities_are_ranked() -> None:
    """NaN is the lowest: a model that says nothing of a unit cannot gain by it."""
    label = np.array([0, 0, 1, 1])
    scores = np.array([[math.nan], [0.0], [0.5], [math.inf]])
    with_nan = classification_metrics(label, label, np.concatenate([-np.nan_to_num(scores), scores], axis=1))
    assert with_nan["auc"] > 0.99
    constant = classification_metrics(label, label, np.full((4, 2), math.nan))
    assert constant["auc"] == 0.5
