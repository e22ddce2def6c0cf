"""Corpora as replicates: the level is kept where pooling all users loses it; estimand, interval, equivalence, flips."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from bench.stats.crossed import Difference, crossed_sums
from bench.stats.equivalence import equivalence
from bench.stats.examples import Pair
from bench.stats.family import Family, Hypothesis
from bench.stats.nested import Replicates, nested_difference, smallest_flip_p
from bench.stats.outcome import Outcome, evaluate
from bench.stats.users import Users

USER, SEED, QUERY = 0.09, 0.005, 0.15
"""Deviations of users' gains, of seeds and of single queries, about those of NDCG@10 on simulated sessions."""


class Worlds:
    """Draws corpora: their users' queries once, the differences of two equal systems as often as asked.

    Args:
        corpora, users, seeds: how many; users and seeds of each corpus.
        interaction: deviation of the systems' difference between corpora.
    """

    def __init__(self, corpora: int, users: int, seeds: int, interaction: float) -> None:
        self.rng = np.random.default_rng([corpora, users, seeds])
        self.interaction, self.seeds = interaction, seeds
        counts = self.rng.integers(1, 9, (corpora, users))
        self.users = [Users.of(np.repeat(np.arange(users), count)) for count in counts]

    def pairs(self, effect: float = 0.0) -> list[Pair]:
        return [self._pair(users, effect + self.rng.normal(0, self.interaction)) for users in self.users]

    def _pair(self, users: Users, gain: float) -> Pair:
        by_user = self.rng.normal(0, USER, len(users))
        by_seed = self.rng.normal(0, SEED, (self.seeds, 1))
        noise = self.rng.normal(0, QUERY, (self.seeds, len(users))) / np.sqrt(users.count)
        return Pair((gain + by_user + by_seed + noise) * users.count, users)  # sums (S, U)


def pooled(pairs: list[Pair]) -> Difference:
    """The naive test: the users of all corpora as if they lived in one."""
    people = np.concatenate([pair.users.code + 10_000 * number for number, pair in enumerate(pairs)])
    return crossed_sums(np.concatenate([pair.sums for pair in pairs], axis=1), Users.of(people).count)


@pytest.mark.parametrize("corpora", [3, 5, 10])
@pytest.mark.parametrize("users", [100, 800])
@pytest.mark.parametrize("interaction", [0.0, 0.005, 0.07], ids=["none", "deviation 0.005", "variance 0.005"])
def test_false_alarms_are_those_promised_whatever_corpora_add(corpora: int, users: int, interaction: float) -> None:
    worlds = Worlds(corpora, users, 1, interaction)
    found = [nested_difference(Replicates.of(worlds.pairs())) for _ in range(1_000)]
    alarms = np.mean([one.p < 0.05 for one in found])
    assert 0.03 <= alarms <= 0.08
    assert np.mean([one.low <= 0 <= one.high for one in found]) == pytest.approx(1 - alarms)


def test_false_alarms_with_several_seeds_a_corpus() -> None:
    worlds = Worlds(5, 100, 3, 0.005)
    alarms = np.mean([nested_difference(Replicates.of(worlds.pairs())).p < 0.05 for _ in range(1_500)])
    assert 0.03 <= alarms <= 0.08


@pytest.mark.parametrize("seeds", [1, 5])
def test_pooling_all_users_as_one_corpus_would_alarm_far_too_often(seeds: int) -> None:
    """What this test is for: with seeds crossed or without, users know nothing of worlds that were not drawn."""
    worlds = Worlds(5, 800, seeds, 0.005)
    drawn = [worlds.pairs() for _ in range(300)]
    naive = np.mean([pooled(pairs).p < 0.05 for pairs in drawn])
    honest = np.mean([nested_difference(Replicates.of(pairs)).p < 0.05 for pairs in drawn])
    assert naive > 0.12
    assert honest <= 0.08


def test_a_planted_effect_is_found_and_covered() -> None:
    worlds = Worlds(5, 800, 1, 0.005)
    found = [nested_difference(Replicates.of(worlds.pairs(0.02))) for _ in range(400)]
    assert np.mean([one.p < 0.05 for one in found]) > 0.9
    assert 0.92 <= np.mean([one.low <= 0.02 <= one.high for one in found]) <= 0.98


def test_it_is_the_t_test_of_the_corpora_and_says_what_it_rests_on() -> None:
    pairs = Worlds(4, 30, 2, 0.05).pairs(0.1)
    by_hand = [pair.sums.sum() / (2 * pair.users.count.sum()) for pair in pairs]
    found = nested_difference(Replicates.of(pairs))
    expected = stats.ttest_1samp(by_hand, 0)
    interval = expected.confidence_interval()
    assert (found.p, found.degrees) == (pytest.approx(expected.pvalue), 3)
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert found.corpus_deltas == pytest.approx(by_hand)
    queries = sum(int(pair.users.count.sum()) for pair in pairs)
    assert (found.seeds, found.users, found.queries) == (8, 120, queries), "two models a corpus; all users and queries"
    one_sided = nested_difference(Replicates.of(pairs), "greater")
    assert one_sided.p == pytest.approx(stats.ttest_1samp(by_hand, 0, alternative="greater").pvalue)


def test_queries_weigh_alike_in_a_corpus_and_corpora_weigh_alike() -> None:
    small = Pair.from_differences(np.array([[0.3, 0.0, 0.0]]), np.array(["a", "b", "b"]))
    large = Pair.from_differences(np.full((1, 300), 0.5), np.arange(300))
    assert nested_difference(Replicates.of([small, large])).delta == pytest.approx((0.1 + 0.5) / 2)


def test_one_corpus_proves_nothing() -> None:
    found = nested_difference(Replicates(np.array([0.3]), 1, 50, 100))
    assert (found.delta, found.p, found.low, found.high) == (0.3, 1.0, -np.inf, np.inf)
    assert equivalence(found, 1.0).p == 1


def test_identical_systems_give_p_1_and_not_nan() -> None:
    found = nested_difference(Replicates(np.zeros(5), 5, 50, 100))
    assert (found.delta, found.low, found.high, found.p) == (0, 0, 0, 1)


def hypothesis(encoder: str, **more: object) -> Hypothesis:
    return Hypothesis("ctr", "beauty", "alstp", encoder, "vanilla", "ndcg@10", **more)  # type: ignore[arg-type]


def outcome(corpora: int, **more: object) -> Outcome:
    """The outcome of a clear gain on this many corpora."""
    deltas = 0.1 + 0.01 * np.cos(np.arange(corpora))
    h = hypothesis("lstm", **more)
    return evaluate(Family("f", (h,)), {h: Replicates(deltas, corpora, 500, 900)})[0]


def test_a_family_of_replicates_is_corrected_and_a_failure_counts() -> None:
    deltas = {hypothesis(name): 0.01 * number + 0.02 * np.cos(np.arange(5)) for number, name in enumerate("abc")}
    family = Family("f", (*deltas, hypothesis("failed")))
    found = evaluate(family, {h: Replicates(d, 5, 50, 90) for h, d in deltas.items()})
    raw = [stats.ttest_1samp(d, 0).pvalue for d in deltas.values()]
    assert [one.difference.p for one in found[:3] if one.difference] == pytest.approx(raw)
    assert found[2].p_adjusted == pytest.approx(4 * min(raw)), "four hypotheses, the failed one among them"
    assert (found[3].verdict(), found[3].family_size) == ("not tested", 4)


def test_equivalence_takes_the_interval_over_corpora() -> None:
    deltas = np.array([0.002, -0.001, 0.001, 0.0, 0.003])
    low, high = stats.t.interval(0.9, 4, deltas.mean(), stats.sem(deltas))
    for margin, holds in ((max(-low, high) * 1.01, True), (max(-low, high) * 0.99, False)):
        h = hypothesis("random", alternative="equivalent", margin=margin)
        (found,) = evaluate(Family("f", (h,)), {h: Replicates(deltas, 5, 500, 900)})
        assert (found.verdict() == "holds") is holds
        assert (found.test, found.flip_p, found.flip_note) == ("t over corpora, two one-sided", None, "")


def test_sign_flips_say_that_five_corpora_are_too_few() -> None:
    """Of 32 flips two are as extreme as the data, whatever the data are."""
    found = outcome(5)
    assert (found.flip_p, found.flip_p_adjusted) == (None, None)
    assert found.flip_note == "sign flips of 5 corpora cannot go below p = 0.0625"
    assert found.p_adjusted is not None
    assert found.p_adjusted < 0.001


@pytest.mark.parametrize(("corpora", "side"), [(6, "two-sided"), (5, "greater"), (8, "two-sided")])
def test_sign_flips_of_enough_corpora_reach_their_smallest_p(corpora: int, side: str) -> None:
    found = outcome(corpora, alternative=side)
    smallest = 2.0**-corpora * (2 if side == "two-sided" else 1)
    assert smallest_flip_p(corpora, found.hypothesis.alternative) == smallest  # type: ignore[arg-type]
    assert found.flip_p == pytest.approx(smallest, rel=0.2)
    assert found.flip_note == ""


def test_an_outcome_says_that_corpora_are_the_replicates() -> None:
    row = outcome(5).as_dict()
    assert (row["test"], row["n_corpora"], row["seeds"]) == ("t over corpora", 5, 5)
    assert len(row["corpus_deltas"]) == 5
    assert row["conditional_on_one_model"] is False, "every corpus has a model of its own"
    assert (row["won"], row["tied"], row["lost"]) == (5, 0, 0), "of corpora"
    json.dumps(row, allow_nan=False)
