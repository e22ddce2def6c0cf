"""A published number is reproduced when our interval holds it but not 0; nothing is said without an interval."""

from __future__ import annotations

import numpy as np
import pytest

from bench.stats.crossed import Difference
from bench.stats.published import against_published


def ours(delta: float, margin: float) -> Difference:
    return Difference(delta, delta - margin, delta + margin, 0.5, 9.0, 5, 40, 80, margin / 2)


@pytest.mark.parametrize(
    ("published", "delta", "margin", "verdict", "conclusive"),
    [
        (0.037, 0.040, 0.007, "reproduced", True),
        (0.037, 0.010, 0.030, "undecided", False),
        (0.037, -0.030, 0.130, "undecided", False),  # what holds everything reproduces nothing
        (0.164, 0.040, 0.007, "direction only", True),
        (0.164, 0.004, 0.007, "direction only", False),
        (0.037, -0.040, 0.007, "no", True),
        (-0.037, 0.040, 0.007, "no", True),
        (-0.164, -0.040, 0.007, "direction only", True),
        (0.037, 0.0, 0.0, "no", False),
        (0.0, 0.0, 0.0, "reproduced", False),
    ],
)
def test_verdicts(published: float, delta: float, margin: float, verdict: str, conclusive: bool) -> None:
    found = against_published(published, ours(delta, margin))
    assert (found.verdict, found.conclusive) == (verdict, conclusive)
    assert (found.published, found.delta) == (published, delta)


def test_printed_digits_may_be_half_a_unit_off_on_both_sides() -> None:
    assert against_published(0.0472, ours(0.04, 0.0071)).verdict == "reproduced"
    assert against_published(0.04725, ours(0.04, 0.0071)).verdict == "direction only"
    assert against_published(0.047, ours(0.04, 0.0065), digits=3).verdict == "reproduced"


def test_an_endless_interval_holds_every_number_and_reproduces_none() -> None:
    assert against_published(0.037, None).verdict == "not tested"
    found = against_published(0.037, Difference(0.04, -np.inf, np.inf, 1.0, 0.0, 5, 1, 9, np.inf))
    assert (found.verdict, found.low, found.delta) == ("not tested", None, 0.04)
