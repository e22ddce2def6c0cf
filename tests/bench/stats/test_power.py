"""At the difference that is said to be found with 80 % power, the test finds it in 80 of 100 simulated runs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.stats.crossed import crossed_difference, crossed_sums
from bench.stats.power import Components, smallest_found, smallest_of, users_needed

SEEDS_RULE = Components(0.02**2, 0.1**2, 0.2**2)
USERS_RULE = Components(0.001**2, 0.3**2, 0.1**2)


def share_found(components: Components, seeds: int, users: int, delta: float, runs: int = 2_000) -> float:
    rng = np.random.default_rng([seeds, users])
    count = np.ones(users, dtype=np.int64)
    spread = [math.sqrt(v) for v in (components.seeds, components.users, components.error)]
    found = 0
    for _ in range(runs):
        cells = delta + rng.normal(0, spread[0], (seeds, 1)) + rng.normal(0, spread[1], users)
        found += crossed_sums(cells + rng.normal(0, spread[2], (seeds, users)), count).p < 0.05
    return found / runs


@pytest.mark.parametrize("components", [SEEDS_RULE, USERS_RULE])
@pytest.mark.parametrize(("seeds", "users"), [(3, 200), (5, 200), (10, 100)])
def test_power_at_the_smallest_difference_is_80_percent(components: Components, seeds: int, users: int) -> None:
    """Within three standard errors of 2,000 runs, and two in a hundred for the approximation of degrees of freedom."""
    share = share_found(components, seeds, users, smallest_found(components, seeds, users))
    assert share == pytest.approx(0.8, abs=3 * math.sqrt(0.8 * 0.2 / 2_000) + 0.02)


def test_components_are_those_that_the_data_were_made_with() -> None:
    rng = np.random.default_rng(1)
    seeds, users = 40, 3_000
    cells = rng.normal(0, 0.1, (seeds, 1)) + rng.normal(0, 0.3, users) + rng.normal(0, 0.2, (seeds, users))
    found = Components.of(crossed_difference(cells, np.arange(users)))
    assert found is not None
    assert found.seeds == pytest.approx(0.1**2, rel=0.5)
    assert found.users == pytest.approx(0.3**2, rel=0.1)
    assert found.error == pytest.approx(0.2**2, rel=0.05)


def test_where_seeds_bind_no_number_of_users_is_enough() -> None:
    floor = smallest_found(SEEDS_RULE, 5, math.inf)
    assert users_needed(SEEDS_RULE, 5, floor * 0.99) is None
    enough = users_needed(SEEDS_RULE, 5, floor * 1.1)
    assert enough is not None
    assert smallest_found(SEEDS_RULE, 5, enough) <= floor * 1.1 < smallest_found(SEEDS_RULE, 5, enough - 1)
    assert users_needed(SEEDS_RULE, 40, floor * 0.99) is not None, "more seeds do it"


def test_more_of_either_finds_less() -> None:
    for components in (SEEDS_RULE, USERS_RULE):
        assert smallest_found(components, 10, 200) < smallest_found(components, 5, 200)
        assert smallest_found(components, 5, math.inf) < smallest_found(components, 5, 400)
        assert smallest_found(components, 5, 400) < smallest_found(components, 5, 200)
    assert smallest_found(Components(0.0, 0.0, 0.0), 5, 100) == 0.0


@pytest.mark.parametrize(("seed_effect", "user_effect", "limit"), [(0.2, 0.01, "seeds"), (0.0, 0.5, "users")])
def test_the_limit_is_what_more_of_would_help(seed_effect: float, user_effect: float, limit: str) -> None:
    rng = np.random.default_rng(2)
    cells = rng.normal(0, seed_effect, (5, 1)) + rng.normal(0, user_effect, 300) + rng.normal(0, 0.1, (5, 300))
    found = smallest_of(crossed_difference(cells, np.arange(300)))
    assert found is not None
    assert found.limit == limit
    assert found.with_any_users <= found.found
    assert found.with_twice_the_seeds < found.found


def test_one_seed_says_nothing_about_seeds() -> None:
    assert smallest_of(crossed_difference(np.random.default_rng(3).normal(size=(1, 40)), np.arange(40))) is None
