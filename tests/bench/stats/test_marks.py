"""Bold and dagger say what the tests say, and no more."""

from __future__ import annotations

import numpy as np
import pytest

from bench.errors import BenchError
from bench.stats.examples import Examples, Scores
from bench.stats.marks import bold, dagger


def test_dagger_is_for_significance_after_holm() -> None:
    assert [dagger(p, 5) for p in (0.049, 0.05, 1.0, None)] == ["†", "", "", ""]
    assert dagger(0.02, 5, level=0.01) == ""


def test_fewer_than_five_seeds_mark_nothing() -> None:
    assert [dagger(0.0001, seeds) for seeds in (1, 2, 3, 4, 5, 10)] == ["", "", "", "", "†", "†"]


USERS, QUERIES = 50, 200


def systems(rng: np.random.Generator, *means: float) -> dict[str, Scores]:
    examples = Examples.of(np.arange(QUERIES), np.arange(QUERIES) % USERS)
    hard = rng.normal(0, 1, QUERIES)
    own = {f"system {i}": mean + rng.normal(0, 0.2, USERS) for i, mean in enumerate(means)}
    return {
        name: Scores.of(hard + by_user[np.arange(QUERIES) % USERS] + rng.normal(0, 0.2, (5, QUERIES)), examples)
        for name, by_user in own.items()
    }


def test_the_best_and_what_is_not_worse_are_bold() -> None:
    rng = np.random.default_rng(0)
    assert bold(systems(rng, 0.5, 0.0, 1.0, 0.99)) == {"system 2", "system 3"}
    assert bold(systems(rng, 0.0, 2.0, 1.0)) == {"system 1"}
    assert bold(systems(rng, 0.0)) == {"system 0"}
    assert bold({}) == frozenset()


def test_equal_systems_are_seldom_told_apart_though_the_best_is_picked_by_the_same_scores() -> None:
    rng = np.random.default_rng(1)
    alarms = np.mean([len(bold(systems(rng, *[0.0] * 6))) < 6 for _ in range(300)])
    assert 0.0 < alarms <= 0.08


def test_systems_on_different_queries_are_not_marked() -> None:
    both = systems(np.random.default_rng(2), 0.0, 1.0)
    short = Scores.of(np.zeros((5, 3)), Examples.of(np.arange(3), np.arange(3)))
    with pytest.raises(BenchError, match="other and system 0"):
        bold(both | {"other": short})
