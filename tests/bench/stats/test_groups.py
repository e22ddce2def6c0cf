"""Rank groups keep their level for all pairs at once, find what differs, and keep the best among the best."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.metrics.classification import confusion_metric, macro_f1
from bench.stats.crossed import crossed_sums
from bench.stats.examples import Examples, Pair, Scores
from bench.stats.groups import RankGroups, rank_groups
from bench.stats.joint import Joint
from bench.stats.pooled import pooled_difference
from bench.stats.users import Users

USERS = 100


def systems(
    rng: np.random.Generator, means: list[float], seeds: int = 5, users: int = USERS, seed_effect: float = 0.02
) -> dict[str, Scores]:
    """Systems whose users and seeds differ, on users that are hard for all of them alike."""
    user = np.repeat(np.arange(users), 1 + np.arange(users) % 3)
    examples = Examples.of(np.arange(len(user)), user)
    shape = (len(means), seeds, len(user))
    cells = rng.normal(0, 0.3, shape) + rng.normal(0, 0.3, users)[user]
    cells += rng.normal(0, 0.3, (len(means), 1, users))[:, :, user] + rng.normal(0, seed_effect, (*shape[:2], 1))
    return {f"s{k}": Scores.of(mean + cells[k], examples) for k, mean in enumerate(means)}


def test_a_pairs_variance_is_that_of_its_own_crossed_test() -> None:
    scores = systems(np.random.default_rng(0), [0.0, 0.1, 0.3], seed_effect=0.2)
    joint = Joint.of(scores)
    for at, (left, right) in enumerate(zip(*joint.pairs(), strict=True)):
        pair = Pair.of(scores[f"s{left}"], scores[f"s{right}"])
        alone = crossed_sums(pair.sums, pair.users.count)
        variances, degrees = joint.variances()
        assert variances[at] == pytest.approx(alone.error**2)
        assert degrees[at] == pytest.approx(alone.degrees)
        assert joint.means[left] - joint.means[right] == pytest.approx(alone.delta)


def test_pooled_metrics_have_the_variance_of_their_own_bootstrap() -> None:
    rng = np.random.default_rng(1)
    truth, of_users = rng.integers(0, 3, 240), Users.of(np.arange(240) // 3)
    wrong = [rng.random((5, 240)) < share for share in (0.2, 0.4, 0.6)]
    metrics = {
        f"s{k}": confusion_metric(truth, np.where(one, (truth + 1) % 3, truth), of_users.code, 3, macro_f1)
        for k, one in enumerate(wrong)
    }
    joint = Joint.pooled(metrics, of_users, draws=400)
    assert joint is not None
    for at, (left, right) in enumerate(zip(*joint.pairs(), strict=True)):
        alone = pooled_difference(metrics[f"s{left}"], metrics[f"s{right}"], of_users, draws=400)
        assert joint.variances()[0][at] == pytest.approx(alone.error**2)
        assert joint.means[left] - joint.means[right] == pytest.approx(alone.delta)
    assert rank_groups(joint).letters == {"s0": "a", "s1": "b", "s2": "c"}


@pytest.mark.slow
@pytest.mark.parametrize(("number", "seeds", "seed_effect"), [(4, 5, 0.3), (6, 5, 0.0), (8, 5, 0.05), (6, 10, 0.3)])
def test_family_wise_false_alarms_between_equal_systems(number: int, seeds: int, seed_effect: float) -> None:
    rng = np.random.default_rng(number)
    found = [_groups(rng, [0.0] * number, seeds, seed_effect) for _ in range(400)]
    alarms = np.mean([min(groups.p.values()) < 0.05 for groups in found])
    assert 0.03 <= alarms <= 0.08
    assert np.mean([len(set(groups.letters.values())) > 1 for groups in found]) == alarms, "letters say the same"
    left_out = np.mean([1 - len(groups.best) / number for groups in found])
    assert 0.02 <= left_out <= 0.08, "each of them is the truly best"


def _groups(rng: np.random.Generator, means: list[float], seeds: int, seed_effect: float) -> RankGroups:
    return rank_groups(Joint.of(systems(rng, means, seeds, seed_effect=seed_effect)), draws=500)


def test_what_differs_has_other_letters_and_the_best_are_few() -> None:
    groups = rank_groups(Joint.of(systems(np.random.default_rng(3), [0.0, 1.0, 1.02, 0.5])))
    assert groups.letters == {"s1": "a", "s2": "a", "s3": "b", "s0": "c"}
    assert groups.best == {"s1", "s2"}
    assert groups.p["s0", "s1"] < 0.01 < groups.p["s1", "s2"]


def test_a_pair_of_noisy_systems_does_not_hide_a_clear_difference() -> None:
    """One system whose seeds differ a lot has four degrees of freedom; that bar is not the others' bar."""
    scores = systems(np.random.default_rng(4), [0.0, 0.16, 0.1, 0.1], seed_effect=0.005)
    wild = np.random.default_rng(5).normal(0, 1.0, (5, 1))
    scores["s2"] = Scores(scores["s2"].values + wild, scores["s2"].examples, scores["s2"].seeds)
    groups = rank_groups(Joint.of(scores))
    assert groups.p["s0", "s1"] < 0.05 < groups.p["s0", "s2"]


def test_identical_systems_are_one_group_and_the_order_of_systems_decides_nothing() -> None:
    scores = systems(np.random.default_rng(6), [0.0, 0.4])
    scores["twin"] = scores["s0"]
    groups = rank_groups(Joint.of(scores))
    assert groups.p["s0", "twin"] == 1.0
    assert groups.letters == {"s1": "a", "s0": "b", "twin": "b"}
    assert groups.best == {"s1"}
    back = rank_groups(Joint.of(dict(reversed(scores.items()))))
    assert back.letters == groups.letters


def test_systems_on_different_queries_are_not_compared() -> None:
    both = systems(np.random.default_rng(7), [0.0, 1.0])
    short: NDArray[np.float64] = np.zeros((5, 3))
    with pytest.raises(BenchError, match="s0 and other"):
        Joint.of(both | {"other": Scores.of(short, Examples.of(np.arange(3), np.arange(3)))})
