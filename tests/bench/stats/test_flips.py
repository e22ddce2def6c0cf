"""Sign flips keep the familywise level, find a planted effect, and are the exact test where that can be counted."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from bench.stats.examples import Pair
from bench.stats.flips import sign_flips


def contrasts(rng: np.random.Generator, number: int, effect: float = 0.0, users: int = 40) -> list[Pair]:
    """Contrasts to one reference, so correlated, by users who ask unequally often and differ the more they ask."""
    asked = rng.integers(1, 12, users)
    user = np.repeat(np.arange(users), asked)
    reference = (rng.normal(0, 0.1, users) * asked**0.5)[user] + rng.normal(0, 0.3, len(user))
    own = [rng.normal(0, 0.2, users)[user] + rng.normal(0, 0.3, (3, len(user))) for _ in range(number)]
    return [Pair.from_differences(effect + scores - reference, user) for scores in own]


def test_raw_and_familywise_false_alarms() -> None:
    rng = np.random.default_rng(3)
    raw, family = [], []
    for replication in range(1_000):
        found = sign_flips(contrasts(rng, 5), flips=199, seed=replication)
        raw.append(found[0].p <= 0.05)
        family.append(min(one.p_adjusted for one in found) <= 0.05)
    assert 0.03 <= np.mean(raw) <= 0.08
    assert 0.03 <= np.mean(family) <= 0.08


def test_familywise_false_alarms_across_datasets() -> None:
    rng = np.random.default_rng(4)
    alarms = []
    for replication in range(1_000):
        pairs = [Pair(p.sums, p.users, name) for name in ("beauty", "digital") for p in contrasts(rng, 3, users=25)]
        alarms.append(min(one.p_adjusted for one in sign_flips(pairs, flips=199, seed=replication)) <= 0.05)
    assert 0.03 <= np.mean(alarms) <= 0.08


def test_without_the_family_one_false_alarm_in_twenty_becomes_many() -> None:
    """What the largest statistic is for: the smallest raw p of the same simulation alarms far too often."""
    rng = np.random.default_rng(3)
    smallest = [min(one.p for one in sign_flips(contrasts(rng, 5), flips=199, seed=r)) for r in range(300)]
    assert np.mean(np.array(smallest) <= 0.05) > 0.12


def test_one_sided_false_alarms() -> None:
    rng = np.random.default_rng(5)
    alarms = [
        [sign_flips(contrasts(rng, 1), [side], flips=199, seed=r)[0].p <= 0.05 for r in range(700)]
        for side in ("greater", "less")
    ]
    assert (np.mean(alarms, 1) >= 0.03).all()
    assert (np.mean(alarms, 1) <= 0.08).all()


def test_a_planted_effect_is_found_in_the_family_and_on_its_side_only() -> None:
    rng = np.random.default_rng(6)
    found = []
    for replication in range(100):
        pairs = [*contrasts(rng, 1, effect=0.35), *contrasts(rng, 4)]
        sides = sign_flips([pairs[0], pairs[0]], ["greater", "less"], flips=199)
        found.append((sign_flips(pairs, flips=199, seed=replication)[0].p_adjusted, sides[0].p, sides[1].p))
    adjusted, greater, less = np.array(found).T
    assert np.mean(adjusted <= 0.05) > 0.9
    assert np.mean(greater <= 0.05) > 0.9
    assert np.mean(less > 0.9) > 0.9


def studentised(gains: NDArray, count: NDArray) -> float:
    """The statistic in words: the ratio over the standard error of its linearisation."""
    delta = gains.sum() / count.sum()
    return float(delta / (np.std((gains - count * delta) / count.mean(), ddof=1) / len(gains) ** 0.5))


def test_p_is_the_exact_one_where_all_flips_can_be_counted() -> None:
    rng = np.random.default_rng(1)
    user = np.repeat(np.arange(8), [1, 2, 3, 4, 5, 1, 2, 3])
    pairs = [Pair.from_differences(rng.normal(shift, 1, (2, len(user))), user) for shift in (0.5, 0.1)]
    count = np.bincount(user)
    signs = np.array(list(itertools.product([-1, 1], repeat=8)))
    every = np.array([[abs(studentised(e * p.sums.mean(0), count)) for p in pairs] for e in signs])
    observed = every[-1]  # all signs +
    raw, family = (every >= observed - 1e-9).mean(0), (every.max(1)[:, None] >= observed - 1e-9).mean(0)
    found = sign_flips(pairs, flips=40_000)
    for one, exact_raw, exact_family in zip(found, raw, family, strict=True):
        assert one.p == pytest.approx(exact_raw, abs=0.01)
        assert one.p_adjusted == pytest.approx(exact_family, abs=0.01)
    assert raw.min() > 1 / 128, "the flip that mirrors everything is a tie with the data"


def test_many_users_with_one_query_agree_with_the_paired_t_test() -> None:
    rng = np.random.default_rng(2)
    left, right = rng.normal(0.1, 1, 300), rng.normal(0, 1, 300)
    found = sign_flips([Pair.from_differences((left - right)[None], np.arange(300))], flips=20_000)[0]
    assert found.p == pytest.approx(stats.ttest_rel(left, right).pvalue, abs=0.015)


def test_p_is_never_0_and_1_for_identical_systems() -> None:
    user = np.arange(60) // 2
    same, better = Pair.from_differences(np.zeros((5, 60)), user), Pair.from_differences(np.full((5, 60), 0.1), user)
    found = sign_flips([same, better], flips=99)
    assert (found[0].p, found[0].p_adjusted) == (1.0, 1.0)
    assert (found[1].p, found[1].p_adjusted) == (0.01, 0.01)
    assert [one.p for one in sign_flips([same, same], ["greater", "less"], flips=99)] == [1.0, 1.0]
    one_user = sign_flips([Pair.from_differences(np.full((5, 4), 0.3), np.zeros(4))], flips=99)
    assert one_user[0].p == 1.0
    assert sign_flips([]) == []


def test_rows_seeds_contrasts_and_other_datasets_change_nothing() -> None:
    rng = np.random.default_rng(8)
    user = np.repeat(np.arange(30), rng.integers(1, 6, 30))
    differences = [rng.normal(0.1, 1, (3, len(user))) for _ in range(3)]
    order = rng.permutation(len(user))
    pairs = [Pair.from_differences(d, user) for d in differences]
    expected = sign_flips(pairs, flips=499)
    assert sign_flips([Pair.from_differences(d[::-1, order], user[order]) for d in differences], flips=499) == expected
    assert sign_flips(pairs[::-1], flips=499)[::-1] == expected
    elsewhere = [*pairs, Pair(pairs[0].sums, pairs[0].users, "another")]
    found = sign_flips(elsewhere, flips=499)
    assert [one.p for one in found[:3]] == [one.p for one in expected]
    assert [one.p for one in sign_flips(pairs, flips=499, seed=1)] != [one.p for one in expected]


def test_datasets_are_flipped_on_their_own() -> None:
    """The same numbers twice: under one name they fall together and the family costs nothing, under two it does."""
    pair = contrasts(np.random.default_rng(9), 1)[0]
    together = sign_flips([pair, pair], flips=1_999)
    apart = sign_flips([Pair(pair.sums, pair.users, name) for name in ("a", "b")], flips=1_999)
    assert together[0].p_adjusted == together[0].p
    assert apart[0].p_adjusted > apart[0].p * 1.3


def test_contrasts_on_some_of_the_users_keep_their_own_statistic() -> None:
    """Two tasks of a dataset need not have the same users."""
    rng = np.random.default_rng(10)
    user = np.repeat(np.arange(50), 3)
    differences = rng.normal(0.15, 1, (2, len(user)))
    some = user < 30
    part = Pair.from_differences(differences[:, some], user[some])
    alone = sign_flips([part], flips=20_000)[0]
    beside = sign_flips([Pair.from_differences(differences, user), part], flips=20_000)[1]
    assert beside.p == pytest.approx(alone.p, abs=0.015)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
def test_mirrored_and_scaled_differences_and_blocks_give_the_same(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    pairs = contrasts(rng, 3, effect=0.1, users=12)
    sides = ["greater", "two-sided", "less"]
    found = sign_flips(pairs, sides, flips=99)  # type: ignore[arg-type]
    mirrored = [Pair(-scale * p.sums, p.users) for p in pairs]
    assert sign_flips(mirrored, sides[::-1], flips=99) == found  # type: ignore[arg-type]
    assert all(0.01 <= one.p <= one.p_adjusted <= 1 for one in found)


def test_blocks_of_draws_are_all_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = contrasts(np.random.default_rng(11), 2)
    whole = sign_flips(pairs, flips=4_000)
    monkeypatch.setattr("bench.stats.flips._BLOCK", 40 * 7)  # seven draws at a time
    in_blocks = sign_flips(pairs, flips=4_000)
    for one, other in zip(whole, in_blocks, strict=True):
        assert one.p == pytest.approx(other.p, abs=0.03)
