"""The validation part is cut from training sessions alone, the same for the same seed, and in each stratum."""

from __future__ import annotations

import numpy as np
import pytest

from bench.data.schema import TEST, TRAIN, VALID
from bench.data.splits import carve_validation
from bench.errors import BenchError


def test_each_stratum_gives_its_share_and_test_stays() -> None:
    split = np.where(np.arange(1_000) % 4 == 0, TEST, TRAIN).astype(np.int8)
    stratum = np.repeat([0, 2], [800, 200])
    carved = carve_validation(split, stratum, 0.1, seed=5)
    assert ((carved == TEST) == (split == TEST)).all()
    assert np.bincount(stratum[carved == VALID]).tolist() == [60, 0, 15]
    np.testing.assert_array_equal(carved, carve_validation(split, stratum, 0.1, seed=5))
    assert (carved != carve_validation(split, stratum, 0.1, seed=6)).any()
    assert (split != VALID).all(), "the argument is left alone"


@pytest.mark.parametrize(
    ("sessions", "share", "expected"), [(0, 0.1, 0), (1, 0.1, 0), (3, 0.1, 1), (3, 0.0, 0), (2, 0.99, 1)]
)
def test_small_strata_keep_one_session_to_train_on(sessions: int, share: float, expected: int) -> None:
    split = np.full(sessions, TRAIN, dtype=np.int8)
    assert (carve_validation(split, np.zeros(sessions, dtype=int), share, 0) == VALID).sum() == expected


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_that_is_none_is_an_error(share: float) -> None:
    with pytest.raises(BenchError, match="valid_share"):
        carve_validation(np.zeros(3, dtype=np.int8), np.zeros(3, dtype=int), share, 0)
