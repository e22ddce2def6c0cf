"""The crossed test keeps its level and its coverage in simulations, finds planted effects, agrees with the t test."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bench.stats.crossed import Difference, crossed_difference, crossed_variance

SEEDS, USERS = 5, 60


def simulated(rng: np.random.Generator, effect: float = 0.0, seeds: int = SEEDS, users: int = USERS) -> tuple:
    """Differences (S, Q) with effects of seeds, users, both together, and queries; and the user of each query."""
    user = np.repeat(np.arange(users), rng.integers(1, 9, users))
    by_user = rng.normal(0, 0.3, users)[user]
    by_seed = rng.normal(0, 0.04, (seeds, 1))
    interaction = rng.normal(0, 0.1, (seeds, users))[:, user]
    by_query = rng.normal(0, 0.3, len(user))
    return effect + by_seed + by_user + interaction + by_query + rng.normal(0, 0.3, (seeds, len(user))), user


def results(replications: int, effect: float = 0.0, **sizes: int) -> list[Difference]:
    rng = np.random.default_rng(7)
    return [crossed_difference(*simulated(rng, effect, **sizes)) for _ in range(replications)]


def test_false_alarms_and_coverage_are_those_promised() -> None:
    found = results(2_000)
    alarms = np.mean([d.p < 0.05 for d in found])
    covered = np.mean([d.low <= 0 <= d.high for d in found])
    assert 0.03 <= alarms <= 0.08
    assert covered == pytest.approx(1 - alarms), "p and interval say the same"


@pytest.mark.parametrize(("seed_effect", "user_effect"), [(0.0, 0.3), (0.2, 0.0), (0.1, 0.1)])
def test_false_alarms_where_one_factor_rules(seed_effect: float, user_effect: float) -> None:
    """Never many too many; with no effect of seeds the test may be a little careful."""
    rng = np.random.default_rng(11)
    alarms = []
    for _ in range(1_000):
        user = np.repeat(np.arange(USERS), rng.integers(1, 9, USERS))
        cells = rng.normal(0, seed_effect, (SEEDS, 1)) + rng.normal(0, user_effect, USERS)[user]
        alarms.append(crossed_difference(cells + rng.normal(0, 0.2, (SEEDS, len(user))), user).p < 0.05)
    assert 0.02 <= np.mean(alarms) <= 0.08


def test_pooling_seeds_and_users_would_alarm_far_too_often() -> None:
    """What this test is for: the simulation is one where the naive one fails."""
    rng = np.random.default_rng(7)
    naive = [stats.ttest_1samp(simulated(rng)[0].ravel(), 0).pvalue < 0.05 for _ in range(300)]
    assert np.mean(naive) > 0.2


def test_a_planted_effect_is_found_and_covered() -> None:
    found = results(300, effect=0.25)
    assert np.mean([d.p < 0.05 for d in found]) > 0.9
    assert np.mean([d.low <= 0.25 <= d.high for d in found]) > 0.9
    assert np.mean([d.delta for d in found]) == pytest.approx(0.25, abs=0.02)


def test_one_seed_and_one_query_a_user_is_the_paired_t_test() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.normal(0.1, 1, 40), rng.normal(0, 1, 40)
    found = crossed_difference((left - right)[None], np.arange(40))
    expected = stats.ttest_rel(left, right)
    interval = expected.confidence_interval()
    assert (found.p, found.degrees) == (pytest.approx(expected.pvalue), 39)
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert (found.seeds, found.users, found.queries) == (1, 40, 40)


def test_equal_queries_a_user_and_one_seed_is_the_t_test_of_user_means() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(0.1, 1, (30, 4))
    found = crossed_difference(values.reshape(1, -1), np.repeat(np.arange(30), 4))
    assert found.p == pytest.approx(stats.ttest_1samp(values.mean(1), 0).pvalue)


def test_delta_is_the_difference_of_query_means() -> None:
    differences, user = simulated(np.random.default_rng(1), 0.1)
    by_user = np.array([differences[:, user == u].mean() for u in range(USERS)])
    found = crossed_difference(differences, user)
    assert found.delta == pytest.approx(differences.mean())
    assert abs(found.delta - by_user.mean()) > 1e-4, "users with many queries count more"
    assert found.low < found.delta < found.high


def test_rows_seeds_and_labels_in_any_order_give_the_same() -> None:
    rng = np.random.default_rng(2)
    differences, user = simulated(rng, 0.1)
    expected = crossed_difference(differences, user)
    order = rng.permutation(len(user))
    names = np.array([f"user {u}" for u in rng.permutation(USERS)])
    for changed in (
        crossed_difference(differences[:, order], user[order]),
        crossed_difference(differences[::-1], user),
        crossed_difference(differences, names[user]),
    ):
        assert_alike(changed, expected)
    other_way = crossed_difference(-differences, user)
    assert (other_way.p, other_way.delta) == (pytest.approx(expected.p), pytest.approx(-expected.delta))
    assert (other_way.low, other_way.high) == (pytest.approx(-expected.high), pytest.approx(-expected.low))


@pytest.mark.parametrize("seeds", [1, 5])
def test_identical_systems_give_p_1_and_not_nan(seeds: int) -> None:
    found = crossed_difference(np.zeros((seeds, 12)), np.arange(12) // 2)
    assert (found.delta, found.low, found.high, found.p) == (0, 0, 0, 1)


@pytest.mark.parametrize(
    "differences", [np.full((5, 40), 0.1), 1.0 + 1e-9 * np.random.default_rng(0).normal(size=(5, 40))]
)
def test_p_is_never_0(differences: NDArray) -> None:
    found = crossed_difference(differences, np.arange(40))
    assert 0 < found.p < 1e-6
    assert np.isfinite(found.delta)


def test_one_user_proves_nothing() -> None:
    found = crossed_difference(np.full((5, 9), 0.3), np.zeros(9))
    assert (found.p, found.users, found.delta) == (1.0, 1, pytest.approx(0.3))
    assert (found.low, found.high) == (-np.inf, np.inf)
    none = crossed_difference(np.zeros((5, 0)), np.zeros(0))
    assert (none.p, none.delta, none.users) == (1.0, 0.0, 0)


def test_degrees_lie_between_seeds_and_cells() -> None:
    for found in results(50):
        assert SEEDS - 1 <= found.degrees <= SEEDS * USERS


def assert_alike(found: Difference, expected: Difference) -> None:
    for name, value in vars(expected).items():
        of_found = getattr(found, name)
        if name == "by_seed":
            value, of_found = sorted(value), sorted(of_found)
        assert of_found == pytest.approx(value), name


@pytest.mark.parametrize("effects", [(0.3, 0.05), (0.0, 0.5), (0.5, 0.0)])
def test_interval_and_degrees_are_those_of_the_formula_in_loops(effects: tuple[float, float]) -> None:
    rng = np.random.default_rng(4)
    user = np.repeat(np.arange(9), rng.integers(1, 6, 9))
    d = (
        0.2
        + rng.normal(0, effects[0], (6, 1))
        + rng.normal(0, effects[1], 9)[user]
        + rng.normal(0, 0.1, (6, len(user)))
    )
    S, U, mean_n = 6, 9, len(user) / 9
    delta = sum(sum(row) for row in d) / (S * len(user))
    r = [[sum(x - delta for x in d[s][user == u]) / mean_n for u in range(U)] for s in range(S)]
    by_seed = [sum(row) / U for row in r]
    by_user = [sum(r[s][u] for s in range(S)) / S for u in range(U)]
    grand = sum(by_seed) / S
    ms_s = U * sum((x - grand) ** 2 for x in by_seed) / (S - 1)
    ms_u = S * sum((x - grand) ** 2 for x in by_user) / (U - 1)
    ms_e = sum((r[s][u] - by_seed[s] - by_user[u] + grand) ** 2 for s in range(S) for u in range(U)) / (
        (S - 1) * (U - 1)
    )
    total = ms_s + ms_u - ms_e
    below = ms_s**2 / (S - 1) + ms_u**2 / (U - 1) + ms_e**2 / ((S - 1) * (U - 1))
    largest, degrees = max((total, total**2 / below), (ms_s, S - 1), (ms_u, U - 1))
    degrees = max(degrees, S - 1)
    error = (largest / (S * U)) ** 0.5
    found = crossed_difference(d, user)
    assert found.degrees == pytest.approx(degrees)
    assert found.p == pytest.approx(2 * stats.t.sf(delta / error, degrees))
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, degrees, delta, error))


def test_the_same_gain_on_every_query_has_no_error_whatever_users_ask() -> None:
    """How many queries a user has is no noise: the residual of the ratio takes it out."""
    found = crossed_difference(np.full((5, 10), 0.1), np.repeat(np.arange(4), [1, 2, 3, 4]))
    assert found.high - found.low < 1e-9
    assert 0 < found.p < 1e-6


def test_degrees_never_fall_below_those_of_the_seeds() -> None:
    """Where all mean squares are alike, Satterthwaite's formula alone would say 3.7."""
    variance, degrees = crossed_variance(1.01, 1.01, 1.0, SEEDS, USERS)
    assert (variance, degrees) == (pytest.approx(1.02 / (SEEDS * USERS)), SEEDS - 1)
