"""Splits are exact, random, and fixed by the seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data.schema import TEST, TRAIN, VALID
from bench.data.splits import downstream_sample, random_split
from bench.errors import BenchError


@given(st.integers(1, 2000), st.floats(0, 0.6), st.floats(0, 0.39), st.integers(0, 9))
def test_shares_are_exact(sessions: int, test: float, valid: float, seed: int) -> None:
    split = random_split(sessions, test_share=test, valid_share=valid, seed=seed)
    counts = np.bincount(split, minlength=3)
    assert counts[TRAIN] > 0
    assert abs(counts[TEST] - test * sessions) <= (1 if sessions > 200 else 1.5)
    assert abs(counts[VALID] - valid * sessions) <= (1 if sessions > 200 else 1.5)
    if sessions >= 3:
        assert counts[TEST] > 0 or test == 0
        assert counts[VALID] > 0 or valid == 0
    assert (split == random_split(sessions, test_share=test, valid_share=valid, seed=seed)).all()


def test_three_sessions_fill_three_splits() -> None:
    assert sorted(random_split(3)) == [TRAIN, VALID, TEST]


@pytest.mark.parametrize("shares", [(0.5, 0.5), (-0.1, 0.1), (0.2, float("nan")), (1.0, 0.0)])
def test_shares_that_leave_no_training_part_are_refused(shares: tuple[float, float]) -> None:
    with pytest.raises(BenchError, match="nothing to train on"):
        random_split(10, test_share=shares[0], valid_share=shares[1])


def test_the_sample_ignores_the_split_and_is_capped() -> None:
    split, chosen = random_split(20_000, seed=3), downstream_sample(20_000, 5_000, seed=3)
    assert chosen.sum() == 5_000
    assert np.abs(np.bincount(split[chosen]) / 5_000 - [0.7, 0.1, 0.2]).max() < 0.02
    assert downstream_sample(10).all()
