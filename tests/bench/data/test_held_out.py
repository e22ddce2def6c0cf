"""Splits by time and by user hold what they say, for any sessions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data import mapped
from bench.data.held_out import LEFT_OUT, borders_of, time_split, user_split
from bench.data.schema import NO_TIME, TEST, TRAIN, VALID
from bench.data.splits import part_sizes
from bench.errors import BenchError

SHARES = {"test_share": 0.2, "valid_share": 0.1}


@given(st.integers(3, 400), st.integers(0, 9), st.sampled_from([1, 10, 100_000]))
def test_by_time_nothing_of_a_split_happens_when_the_next_one_has_begun(sessions: int, seed: int, ticks: int) -> None:
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 10 * ticks, sessions)  # with few ticks, most sessions start at the moment of others
    end = start + rng.integers(0, ticks + 1, sessions)
    try:
        split = time_split(start, end, **SHARES)
    except BenchError:
        return  # said, not split wrongly
    borders = borders_of(start, split)
    assert (end[split == TRAIN] < borders.valid).all()
    assert (end[split == VALID] < borders.test).all()
    assert borders.valid <= start[split == VALID].min() < borders.test == start[split == TEST].min()
    tests, valids = part_sizes(sessions, **SHARES)
    valid = np.sort(start)[sessions - tests - valids]  # where the period begins, whoever stays in it
    early = (split == LEFT_OUT) & (start < valid)
    assert (end[early] >= valid).all(), "left out without a reason"
    assert (end[(split == LEFT_OUT) & ~early] >= borders.test).all()
    assert (split == TEST).sum() >= round(0.2 * sessions), "ties at the border are on its later side"


def test_by_time_shares_are_those_of_all_sessions() -> None:
    start = np.random.default_rng(0).permutation(1000)
    split = time_split(start, start, **SHARES)
    assert np.bincount(split).tolist() == [700, 100, 200]
    assert set(start[split == TEST]) == set(range(800, 1000))


def test_sessions_at_the_moment_of_a_border_come_after_it() -> None:
    start = np.array([0, 1, 2, 3, 4, 5, 6, 7, 7, 7])
    split = time_split(start, start, test_share=0.2, valid_share=0.2)
    assert split.tolist() == [TRAIN] * 6 + [VALID] + [TEST] * 3


def test_a_session_that_ends_at_the_border_is_left_out() -> None:
    start, end = np.arange(10), np.arange(10)
    end[2], end[7] = 7, 8  # validation begins at 7, test at 8
    with pytest.raises(BenchError, match="the valid split would be empty"):
        time_split(start, end, **SHARES)
    end[7] = 7
    assert time_split(start, end, **SHARES).tolist() == [0, 0, LEFT_OUT, 0, 0, 0, 0, VALID, TEST, TEST]


def test_sessions_without_a_time_are_not_split_by_time() -> None:
    start = np.array([1, NO_TIME, 3, 4])
    with pytest.raises(BenchError, match="1 of 4 sessions have no start"):
        time_split(start, start, **SHARES)


def test_without_a_validation_part_training_ends_where_test_begins() -> None:
    start = np.arange(10)
    split = time_split(start, start, test_share=0.2, valid_share=0)
    assert split.tolist() == [TRAIN] * 8 + [TEST] * 2


@given(st.integers(3, 400), st.integers(1, 200), st.integers(0, 9))
def test_no_user_is_in_two_splits(sessions: int, users: int, seed: int) -> None:
    user = np.random.default_rng(seed).integers(-1, users, sessions)
    try:
        split = user_split(user, **SHARES, seed=seed)
    except BenchError:
        return
    for code in set(user[user >= 0].tolist()):
        assert len(set(split[user == code].tolist())) == 1
    assert (split == user_split(user, **SHARES, seed=seed)).all()
    assert set(split.tolist()) == {TRAIN, VALID, TEST}


def test_shares_are_as_near_as_the_sizes_of_users_allow() -> None:
    user = np.repeat(np.arange(300), np.random.default_rng(1).integers(1, 8, 300))
    for seed in range(20):
        split = user_split(user, **SHARES, seed=seed)
        counts = np.bincount(split, minlength=3) / len(user)
        assert np.abs(counts - [0.7, 0.1, 0.2]).max() < 4 / len(user) * 2


def test_a_user_with_more_sessions_than_a_split_wants_is_trained_on() -> None:
    user = np.concatenate([np.zeros(600, dtype=int), 1 + np.arange(400)])
    for seed in range(10):
        split = user_split(user, **SHARES, seed=seed)
        assert split[0] == TRAIN
        assert np.bincount(split).tolist() == [700, 100, 200]


def test_sessions_without_a_user_are_users_of_their_own() -> None:
    split = user_split(np.full(100, -1), **SHARES, seed=0)
    assert np.bincount(split).tolist() == [70, 10, 20]


def test_one_user_cannot_be_split() -> None:
    with pytest.raises(BenchError, match="too few users"):
        user_split(np.zeros(50, dtype=int), **SHARES, seed=0)


@pytest.mark.parametrize("rows_together", [7, 65_536])
@pytest.mark.parametrize("seed", range(20))
def test_by_user_piece_by_piece_is_what_it_is_at_once(
    seed: int, rows_together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped, "_PIECE", rows_together)
    rng = np.random.default_rng(seed)
    user = rng.integers(-1, 60, size=int(rng.integers(30, 200)))
    codes = np.where(user < 0, user.max() + 1 + np.cumsum(user < 0), user)
    _, owner, sizes = np.unique(codes, return_inverse=True, return_counts=True)
    order = np.random.default_rng([seed, 0]).permutation(len(sizes))
    of_user = np.full(len(sizes), TRAIN)
    for code, wanted in zip((TEST, VALID), part_sizes(len(user), **SHARES), strict=True):
        free = order[(of_user[order] == TRAIN) & (sizes[order] <= wanted)]
        total = np.concatenate([[0], np.cumsum(sizes[free])])
        of_user[free[: int(np.abs(total - wanted).argmin())]] = code
    assert user_split(user, **SHARES, seed=seed).tolist() == of_user[owner].tolist()


@pytest.mark.parametrize("seed", range(10))
def test_by_time_piece_by_piece_is_what_it_is_at_once(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 1_000, 100)
    end = start + rng.integers(0, 30, 100)
    at_once = time_split(start, end, **SHARES)
    monkeypatch.setattr(mapped, "_PIECE", 7)
    assert time_split(start, end, **SHARES).tolist() == at_once.tolist()
