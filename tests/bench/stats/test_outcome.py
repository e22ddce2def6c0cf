"""A family's results carry both tests, the declared size whatever failed, and the facts beside a number."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from bench.errors import BenchError
from bench.stats.crossed import crossed_difference, crossed_sums
from bench.stats.equivalence import equivalent_difference
from bench.stats.examples import Pair
from bench.stats.family import Family, Hypothesis
from bench.stats.flips import sign_flips
from bench.stats.holm import holm
from bench.stats.outcome import Outcome, evaluate, user_facts

USERS = 40


def hypothesis(encoder: str, dataset: str = "beauty", **more: object) -> Hypothesis:
    return Hypothesis("ctr", dataset, "alstp", encoder, "vanilla", "ndcg@10", **more)  # type: ignore[arg-type]


def pair(effect: float, seed: int, seeds: int = 5, noise: float = 0.3) -> Pair:
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(USERS), 1 + np.arange(USERS) % 4)
    return Pair.from_differences(effect + rng.normal(0, noise, (seeds, len(user))), user)


FAMILY = Family("ctr primary", tuple(hypothesis(name, d) for name in ("lstm", "agv") for d in ("beauty", "digital")))
PAIRS = {
    h: pair(effect, i) for i, (h, effect) in enumerate(zip(FAMILY.hypotheses, (0.3, 0.05, 0.0, -0.1), strict=True))
}


def test_both_tests_are_corrected_over_the_family() -> None:
    found = evaluate(FAMILY, PAIRS, flips=999)
    raw = [crossed_sums(p.sums, p.users.count) for p in PAIRS.values()]
    assert [one.difference for one in found] == raw
    assert [one.p_adjusted for one in found] == holm([d.p for d in raw]).tolist()
    flipped = sign_flips([replace(p, dataset=h.dataset) for h, p in PAIRS.items()], flips=999)
    assert [(one.flip_p, one.flip_p_adjusted) for one in found] == [(f.p, f.p_adjusted) for f in flipped]
    assert {one.family_size for one in found} == {4}
    assert [one.hypothesis for one in found] == list(FAMILY.hypotheses)
    assert not any(one.conditional for one in found)


def test_a_failed_cell_makes_nothing_more_significant() -> None:
    there = FAMILY.hypotheses[0]
    found = evaluate(FAMILY, {there: PAIRS[there]}, flips=99)
    assert found[0].difference is not None
    assert found[0].p_adjusted == pytest.approx(min(1, 4 * found[0].difference.p))
    missing = found[1]
    assert (missing.difference, missing.p_adjusted, missing.flip_p, missing.users) == (None, None, None, None)
    assert (missing.test, missing.family_size, missing.verdict()) == ("none", 4, "not tested")


def test_what_was_not_declared_is_not_tested() -> None:
    with pytest.raises(BenchError, match="was not declared"):
        evaluate(FAMILY, {hypothesis("hlv"): PAIRS[FAMILY.hypotheses[0]]})


def test_each_alternative_gets_its_test_and_its_verdict() -> None:
    cases = [
        (hypothesis("a", alternative="greater"), pair(0.3, 1), "holds"),
        (hypothesis("b", alternative="greater"), pair(0.2, 2, noise=2), "direction only"),
        (hypothesis("c", alternative="greater"), pair(-0.3, 3), "does not hold"),
        (hypothesis("d", alternative="less"), pair(-0.3, 4), "holds"),
        (hypothesis("e", alternative="equivalent", margin=0.2), pair(0.0, 5), "holds"),
        (hypothesis("f", alternative="equivalent", margin=0.2), pair(0.0, 5, noise=4), "direction only"),
        (hypothesis("g", alternative="equivalent", margin=0.2), pair(0.4, 6), "does not hold"),
        (hypothesis("h"), pair(0.3, 7), "holds"),
        (hypothesis("i"), Pair.from_differences(np.full((5, 4), 0.3), np.zeros(4)), "not tested"),
    ]
    found = evaluate(Family("claims", tuple(h for h, *_ in cases)), {h: p for h, p, _ in cases}, flips=199)
    assert [one.verdict() for one in found] == [verdict for *_, verdict in cases]
    assert found[1].difference is not None
    assert found[1].difference.delta > 0, "else the case is no case"
    assert found[4].flip_p is None
    assert "two one-sided" in found[4].test


def test_pooled_metrics_come_as_differences_and_are_tested_for_what_was_declared() -> None:
    rng = np.random.default_rng(8)
    data = rng.normal(0.1, 1, (5, 90)), np.arange(90) // 3
    pooled = crossed_difference(*data)
    cases = [
        hypothesis("a", alternative="greater"),
        hypothesis("b", alternative="equivalent", margin=0.5),
        hypothesis("c"),
    ]
    found = evaluate(Family("pooled", tuple(cases)), dict.fromkeys(cases, pooled))
    assert [one.difference for one in found] == [
        crossed_difference(*data, "greater"),
        equivalent_difference(*data, 0.5),
        pooled,
    ]
    assert all(one.flip_p is None and one.users is None for one in found)
    assert all(one.test.startswith("bootstrap") for one in found)


def test_the_facts_of_a_hand_example() -> None:
    differences = np.array([[1.0, 0.0, -0.5, 0.5, 0.0], [1.0, 1.0, -0.5, -0.5, 0.0]])
    facts = user_facts(Pair.from_differences(differences, np.array([0, 0, 1, 2, 3])))
    # Seed means: 1, 0.5 | -0.5 | 0 | 0. Their mean, 0.2, is what every query of a user is held against.
    residual = np.array([1.5 - 2 * 0.2, -0.5 - 0.2, -0.2, -0.2]) / 1.25
    assert (facts.won, facts.tied, facts.lost) == (1, 2, 1)
    assert facts.effect == pytest.approx(0.2 / residual.std(ddof=1))
    same = user_facts(Pair.from_differences(np.zeros((2, 5)), np.arange(5)))
    assert (same.effect, same.won, same.tied, same.lost) == (None, 0, 5, 0)


def test_with_one_seed_the_effect_is_t_over_the_root_of_users() -> None:
    values = np.random.default_rng(9).normal(0.1, 1, (1, 50))
    facts, difference = (
        user_facts(Pair.from_differences(values, np.arange(50))),
        crossed_difference(values, np.arange(50)),
    )
    assert facts.effect == pytest.approx(difference.delta / difference.error / 50**0.5)
    one_seed = Family("one", (hypothesis("lstm"),))
    assert evaluate(one_seed, {hypothesis("lstm"): pair(0.1, 1, seeds=1)}, flips=9)[0].conditional


def test_an_outcome_is_one_flat_row_of_json() -> None:
    cases = {hypothesis("a"): pair(0.3, 1), hypothesis("b"): Pair.from_differences(np.full((5, 4), 0.3), np.zeros(4))}
    family = Family("ctr primary", (*cases, hypothesis("c")))
    rows = [one.as_dict() for one in evaluate(family, cases, flips=9)]
    again = json.loads(json.dumps(rows, allow_nan=False))
    assert again == rows
    wanted = {"delta", "low", "high", "effect", "won", "tied", "lost", "users", "queries", "seeds", "test"}
    assert wanted | {"family", "family_size", "p", "p_adjusted", "flip_p", "flip_p_adjusted"} <= set(rows[0])
    assert (rows[0]["users"], rows[0]["seeds"], rows[0]["encoder"]) == (USERS, 5, "a")
    assert (rows[1]["low"], rows[1]["p"], rows[2]["p_adjusted"]) == (None, 1.0, None)


def test_it_is_the_same_on_a_rerun_and_in_another_order() -> None:
    def key(one: Outcome) -> str:
        return str(one.hypothesis)

    other_way = Family(FAMILY.name, FAMILY.hypotheses[::-1])
    expected = sorted(evaluate(FAMILY, PAIRS, flips=99), key=key)
    assert sorted(evaluate(FAMILY, PAIRS, flips=99), key=key) == expected
    assert sorted(evaluate(other_way, PAIRS, flips=99), key=key) == expected
