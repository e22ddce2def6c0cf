"""Equivalence is concluded from a small difference that is known well, and from nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.errors import BenchError
from bench.stats.crossed import crossed_difference, for_alternative
from bench.stats.equivalence import equivalence, equivalent_difference
from bench.stats.student import t_interval


def differences(rng: np.random.Generator, effect: float, users: int = 60, seeds: int = 5) -> tuple:
    user = np.repeat(np.arange(users), rng.integers(1, 9, users))
    by_user = rng.normal(0, 0.1, users)[user] + rng.normal(0, 0.03, (seeds, 1))
    return effect + by_user + rng.normal(0, 0.3, (seeds, len(user))), user


def test_a_difference_as_large_as_the_margin_is_called_equivalent_in_one_of_twenty() -> None:
    rng = np.random.default_rng(1)
    alarms = np.mean([equivalent_difference(*differences(rng, 0.1), 0.1).p < 0.05 for _ in range(1_500)])
    assert 0.03 <= alarms <= 0.08


def test_no_difference_is_found_equivalent_with_enough_users_and_not_with_few() -> None:
    rng = np.random.default_rng(2)
    many = [equivalent_difference(*differences(rng, 0.0), 0.1).p < 0.05 for _ in range(200)]
    few = [equivalent_difference(*differences(rng, 0.0, users=4), 0.1).p < 0.05 for _ in range(200)]
    assert np.mean(many) > 0.9
    assert np.mean(few) < 0.4, "not knowing is not being equal"


def test_it_is_the_90_percent_interval_within_the_margin() -> None:
    rng = np.random.default_rng(3)
    seen = set()
    for effect in np.linspace(0, 0.15, 60):
        data = differences(rng, float(effect))
        found, plain = equivalent_difference(*data, 0.1), crossed_difference(*data)
        low, high = t_interval(plain.delta, plain.error, plain.degrees, 0.9)
        assert (found.p < 0.05) == (low > -0.1 and high < 0.1)
        assert (found.low, found.high) == (plain.low, plain.high)
        seen.add(found.p < 0.05)
    assert seen == {True, False}


def test_one_seed_and_one_query_a_user_is_two_t_tests() -> None:
    values = np.random.default_rng(4).normal(0.05, 0.3, 40)
    expected = max(
        stats.ttest_1samp(values, -0.1, alternative="greater").pvalue,
        stats.ttest_1samp(values, 0.1, alternative="less").pvalue,
    )
    assert equivalent_difference(values[None], np.arange(40), 0.1).p == pytest.approx(expected)


def test_identical_systems_are_equivalent_and_one_user_proves_nothing() -> None:
    assert equivalent_difference(np.zeros((5, 8)), np.arange(8) // 2, 0.01).p < 1e-6
    assert equivalent_difference(np.zeros((5, 8)), np.zeros(8), 0.01).p == 1.0
    assert equivalent_difference(np.full((5, 8), 0.02), np.arange(8), 0.01).p == 1.0


@pytest.mark.parametrize("margin", [0.0, -0.1, float("nan")])
def test_a_margin_is_above_0(margin: float) -> None:
    with pytest.raises(BenchError, match="margin above 0"):
        equivalence(crossed_difference(np.zeros((5, 8)), np.arange(8)), margin)


def test_one_sided_alternatives() -> None:
    rng = np.random.default_rng(5)
    left, right = rng.normal(0.1, 1, 40), rng.normal(0, 1, 40)
    data = (left - right)[None], np.arange(40)
    for side in ("greater", "less", "two-sided"):
        expected = stats.ttest_rel(left, right, alternative=side).pvalue
        assert crossed_difference(*data, side).p == pytest.approx(expected)
        assert for_alternative(crossed_difference(*data), side) == crossed_difference(*data, side)
    two_sided = crossed_difference(*data)
    assert (crossed_difference(*data, "less").low, two_sided.alternative) == (two_sided.low, "two-sided")
    for side in ("greater", "less"):
        assert crossed_difference(np.zeros((5, 9)), np.arange(9), side).p == 1.0
        assert crossed_difference(np.full((5, 9), 0.3), np.zeros(9), side).p == 1.0
    assert crossed_difference(np.full((5, 9), -0.1), np.arange(9), "greater").p == 1.0
    assert 0 < crossed_difference(np.full((5, 9), -0.1), np.arange(9), "less").p < 1e-6


def test_one_sided_false_alarms() -> None:
    rng = np.random.default_rng(6)
    alarms = np.mean([crossed_difference(*differences(rng, 0.0), "greater").p < 0.05 for _ in range(2_000)])
    assert 0.03 <= alarms <= 0.08
