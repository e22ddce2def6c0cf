"""The five words for our difference beside a published one, in their order; nothing is said without an interval."""

from __future__ import annotations

import numpy as np
import pytest

from bench.stats.crossed import Difference
from bench.stats.published import against_published


def ours(delta: float, half: float) -> Difference:
    return Difference(delta, delta - half, delta + half, 0.5, 100.0, 5, 40, 80, half / 1.984)


@pytest.mark.parametrize(
    ("published", "delta", "half", "verdict"),
    [
        (0.037, -0.040, 0.007, "opposite sign"),
        (-0.037, 0.040, 0.007, "opposite sign"),
        (0.004, -0.005, 0.004, "opposite sign"),  # though it isn't far from ours
        (0.037, 0.040, 0.007, "same sign, compatible size"),
        (-0.037, -0.040, 0.007, "same sign, compatible size"),
        (0.037, 0.028, 0.007, "same sign, compatible size"),  # beyond our interval, within a prediction interval
        (0.037, 0.030, 0.019, "same sign, size too imprecise"),
        (0.037, 0.021, 0.018, "same sign, compatible size"),  # just precise enough
        (0.164, 0.040, 0.007, "same sign, smaller"),
        (-0.164, -0.040, 0.007, "same sign, smaller"),
        (0.010, 0.040, 0.007, "same sign, larger"),
        (0.164, 0.001, 0.009, "published size excluded, sign not established"),  # was called "direction only"
        (0.164, -0.001, 0.009, "published size excluded, sign not established"),
        (0.037, 0.0, 0.0, "published size excluded, sign not established"),
        (0.037, 0.010, 0.030, "inconclusive"),
        (0.037, -0.030, 0.130, "inconclusive"),  # what holds everything shows nothing
        (0.0, 0.0, 0.0, "inconclusive"),
        (0.0001, 0.005, 0.004, "inconclusive"),  # rounding has no sign
        (0.0, 0.040, 0.007, "published size excluded, sign not established"),
    ],
)
def test_verdicts(published: float, delta: float, half: float, verdict: str) -> None:
    found = against_published(published, ours(delta, half))
    assert found.verdict == verdict
    assert found.conclusive == (abs(delta) > half)
    assert (found.published, found.delta) == (published, delta)
    assert found.words == verdict, "without a margin nothing is added"


def test_printed_digits_may_be_half_a_unit_off_on_both_sides() -> None:
    edge = 0.04 + 2**0.5 * 0.01
    assert against_published(edge + 0.00009, ours(0.04, 0.01)).compatible
    assert not against_published(edge + 0.00011, ours(0.04, 0.01)).compatible
    assert against_published(edge + 0.0009, ours(0.04, 0.01), digits=3).compatible


def test_no_difference_is_said_where_the_90_percent_interval_lies_within_the_declared_margin() -> None:
    difference = ours(0.002, 0.006)
    low, high = difference.interval(0.9)
    edge = max(-low, high)
    found = against_published(0.037, difference, margin=edge * 1.01)
    assert found.within == edge * 1.01
    assert against_published(0.037, difference, margin=edge * 0.99).within is None
    assert (
        against_published(0.037, difference, margin=0.01).words
        == "published size excluded, sign not established; no difference beyond ±0.01"
    )


def test_an_endless_interval_holds_every_number_and_says_nothing() -> None:
    assert against_published(0.037, None).verdict == "not tested"
    found = against_published(0.037, Difference(0.04, -np.inf, np.inf, 1.0, 0.0, 5, 1, 9, np.inf), margin=0.01)
    assert (found.verdict, found.low, found.delta, found.within) == ("not tested", None, 0.04, None)
