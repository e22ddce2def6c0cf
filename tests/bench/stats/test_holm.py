"""Holm's correction, against the numbers of a worked example and its properties."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bench.stats.holm import holm


def test_hand_example() -> None:
    # 4 · 0.005, 3 · 0.01, 2 · 0.03, and 0.04 is lifted to its predecessor's 0.06
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])


def test_ties_get_the_same_value_and_nothing_exceeds_1() -> None:
    np.testing.assert_allclose(holm([0.02, 0.02, 0.02]), [0.06, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.9, 0.5]), [1.0, 1.0])


def test_a_family_of_one_and_of_none() -> None:
    np.testing.assert_allclose(holm([0.04]), [0.04])
    assert holm([]).shape == (0,)


@given(st.lists(st.floats(1e-300, 1), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_monotone_never_below_raw_or_above_bonferroni_and_in_the_order_given(p: list[float], random: object) -> None:
    raw = np.array(p)
    adjusted = holm(raw)
    order = np.argsort(raw, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()
    assert (adjusted >= raw).all()
    assert (adjusted <= np.minimum(raw * len(raw), 1) + 1e-15).all()
    shuffle = list(range(len(p)))
    random.shuffle(shuffle)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(holm(raw[shuffle]), adjusted[shuffle])
