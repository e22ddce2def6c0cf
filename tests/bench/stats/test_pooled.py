"""The bootstrap over users and seeds keeps its level on pooled metrics and agrees with the crossed test on means."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from bench.metrics.auc import auc_metric
from bench.metrics.classification import Floats, WeightedMetric, confusion_metric, macro_f1
from bench.stats.crossed import Difference, crossed_difference
from bench.stats.pooled import pooled_difference, user_draws
from bench.stats.users import Users

CLASSES, SEEDS, USERS = 3, 5, 60


def simulated(
    rng: np.random.Generator, effect: float = 0.0, seed_effect: float = 0.3, seeds: int = SEEDS
) -> tuple[NDArray, NDArray, NDArray, Users]:
    """Truth (Q,), two systems' predictions (S, Q), and the users; how often they are right goes by user and seed."""
    user = np.repeat(np.arange(USERS), rng.integers(1, 9, USERS))
    truth = rng.integers(0, CLASSES, len(user))

    def predictions(ease: float) -> NDArray:
        logit = ease + rng.normal(0, seed_effect, (seeds, 1)) + rng.normal(0, 1, USERS)[user]
        logit = logit + rng.normal(0, 0.5, (seeds, USERS))[:, user]
        right = rng.random((seeds, len(user))) < 1 / (1 + np.exp(-logit))
        return np.where(right, truth, (truth + rng.integers(1, CLASSES, right.shape)) % CLASSES)

    return truth, predictions(0.5 + effect), predictions(0.5), Users.of(user)


def f1_difference(truth: NDArray, left: NDArray, right: NDArray, users: Users, **options: int) -> Difference:
    metrics = [confusion_metric(truth, predicted, users.code, CLASSES, macro_f1) for predicted in (left, right)]
    return pooled_difference(*metrics, users, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed_effect", [0.3, 0.8])
def test_false_alarms_and_coverage_of_macro_f1(seed_effect: float) -> None:
    rng = np.random.default_rng(5)
    found = [f1_difference(*simulated(rng, 0.0, seed_effect), draws=200, seed=r) for r in range(1_000)]
    alarms = np.mean([d.p < 0.05 for d in found])
    assert 0.03 <= alarms <= 0.08
    assert np.mean([d.low <= 0 <= d.high for d in found]) == pytest.approx(1 - alarms)


def test_percentiles_of_users_and_seeds_drawn_would_alarm_too_often() -> None:
    """Why the draws give standard errors and no percentiles: drawing five seeds out of five is too little spread."""
    rng = np.random.default_rng(5)
    alarms = []
    for replication in range(400):
        truth, left, right, users = simulated(rng, 0.0, 0.8)
        weights = next(user_draws(USERS, 200, replication))
        metrics = [confusion_metric(truth, p, users.code, CLASSES, macro_f1)(weights) for p in (left, right)]
        of_seeds = rng.multinomial(SEEDS, np.full(SEEDS, 1 / SEEDS), len(weights)) / SEEDS
        low, high = np.percentile(((metrics[0] - metrics[1]) * of_seeds).sum(1), [2.5, 97.5])
        alarms.append(not low <= 0 <= high)
    assert np.mean(alarms) > 0.09


def test_false_alarms_of_auc() -> None:
    rng = np.random.default_rng(6)
    alarms = []
    for replication in range(400):
        truth, *_, users = simulated(rng)
        positive = truth[:, None] == np.arange(CLASSES)
        metrics = []
        for _ in range(2):
            skill = 0.7 + rng.normal(0, 0.2, (SEEDS, 1, 1)) + rng.normal(0, 0.8, (USERS, 1))[users.code]
            scores = skill * positive + rng.normal(0, 1, (len(truth), CLASSES))
            metrics.append(auc_metric(positive, scores + rng.normal(0, 0.5, (SEEDS, *scores.shape[1:])), users.code))
        alarms.append(pooled_difference(*metrics, users, draws=200, seed=replication).p < 0.05)
    assert 0.03 <= np.mean(alarms) <= 0.08


def test_a_planted_effect_is_found_and_covered() -> None:
    rng = np.random.default_rng(7)
    found = [f1_difference(*simulated(rng, 1.2, 0.2), draws=200, seed=r) for r in range(100)]
    truth = np.mean([f1_difference(*simulated(rng, 1.2, 0.2), draws=2).delta for _ in range(400)])
    assert np.mean([d.p < 0.05 for d in found]) > 0.9
    assert np.mean([d.low <= truth <= d.high for d in found]) > 0.88


def accuracy(confusion: Floats) -> Floats:
    """Share of the queries with the right class: a pooled metric that is a mean over queries as well."""
    return np.diagonal(confusion, axis1=-2, axis2=-1).sum(-1) / confusion.sum((-2, -1))


@pytest.mark.parametrize("seeds", [1, 5])
def test_accuracy_is_a_mean_and_gets_what_the_crossed_test_says(seeds: int) -> None:
    truth, left, right, users = simulated(np.random.default_rng(8), 0.3, seeds=seeds)
    metrics = [confusion_metric(truth, predicted, users.code, CLASSES, accuracy) for predicted in (left, right)]
    found = pooled_difference(*metrics, users, draws=20_000)
    expected = crossed_difference((left == truth).astype(float) - (right == truth), users)
    assert found.delta == pytest.approx(expected.delta)
    assert found.error == pytest.approx(expected.error, rel=0.05)
    assert found.degrees == pytest.approx(expected.degrees, rel=0.1)
    assert (found.seeds, found.users, found.queries) == (seeds, USERS, len(truth))


def test_a_metric_of_somebody_else_with_sample_weights_gives_the_same() -> None:
    truth, left, right, users = simulated(np.random.default_rng(9), 0.5, seeds=2)

    def sklearn_f1(predicted: NDArray) -> WeightedMetric:
        return lambda weights: np.array(
            [
                [f1_score(truth, of_seed, average="macro", sample_weight=row[users.code]) for of_seed in predicted]
                for row in weights
            ]
        )

    slow = [sklearn_f1(predicted) for predicted in (left, right)]
    found = pooled_difference(*slow, users, draws=40)
    assert flat(found) == pytest.approx(flat(f1_difference(truth, left, right, users, draws=40)))


def flat(found: Difference) -> dict[str, object]:
    """The numbers of a difference, those of the seeds in the order of their size."""
    nested = {"seeds' own": sorted(found.by_seed), "squares": found.squares or ()}
    numbers = {k: v for k, v in vars(found).items() if k not in ("by_seed", "corpus_deltas", "squares", "parts")}
    return numbers | {f"{k} {i}": v for k, values in nested.items() for i, v in enumerate(values)}


def test_draws_are_of_as_many_users_and_in_blocks_the_same_number() -> None:
    blocks = list(user_draws(500_000, 9, 0))
    assert [len(block) for block in blocks] == [4, 4, 1]
    assert all((block.sum(1) == 500_000).all() for block in blocks)
    weights = np.concatenate(list(user_draws(50, 4_000, 0)))
    assert weights.mean() == 1
    assert weights.var() == pytest.approx(1 - 1 / 50, rel=0.02)


def test_rows_seeds_and_systems_in_any_order() -> None:
    rng = np.random.default_rng(10)
    truth, left, right, users = simulated(rng, 0.5)
    expected = f1_difference(truth, left, right, users, draws=100)
    order = rng.permutation(len(truth))
    shuffled = Users.of(users.labels[users.code][order])
    found = f1_difference(truth[order], left[::-1, order], right[::-1, order], shuffled, draws=100)
    assert flat(found) == pytest.approx(flat(expected))
    mirrored = f1_difference(truth, right, left, users, draws=100)
    assert (mirrored.delta, mirrored.p) == (pytest.approx(-expected.delta), pytest.approx(expected.p))
    metrics = [confusion_metric(truth, predicted, users.code, CLASSES, macro_f1) for predicted in (left, right)]
    one_sided = pooled_difference(*metrics, users, "greater" if expected.delta > 0 else "less", draws=100)
    assert one_sided.p == pytest.approx(expected.p / 2)


@pytest.mark.parametrize("seeds", [1, 5])
def test_identical_systems_give_p_1_and_perfect_ones_no_0(seeds: int) -> None:
    truth, left, _, users = simulated(np.random.default_rng(11), seeds=seeds)
    same = f1_difference(truth, left, left, users, draws=50)
    assert (same.delta, same.low, same.high, same.p) == (0, 0, 0, 1)
    everything = np.broadcast_to(truth, left.shape)
    found = f1_difference(truth, everything, (everything + 1) % CLASSES, users, draws=50)
    assert found.delta == 1
    assert 0 < found.p < 1e-6


def test_one_user_proves_nothing_and_no_metric_is_an_error() -> None:
    users = Users.of(np.zeros(6))
    truth = np.array([0, 1, 2, 0, 1, 2])
    found = f1_difference(truth, truth[None], (truth[None] + 1) % CLASSES, users, draws=20)
    assert (found.p, found.low, found.high) == (1.0, -np.inf, np.inf)
    nothing_positive = auc_metric(np.zeros((6, 1), dtype=bool), np.zeros((1, 6, 1)), users.code)
    with pytest.raises(ValueError, match="not defined"):
        pooled_difference(nothing_positive, nothing_positive, users)


def test_draws_without_a_metric_are_left_out_and_few_of_the_others_prove_nothing() -> None:
    """One user of many has the only positive: about 37 % of the draws miss him, and the others count."""
    rng = np.random.default_rng(12)
    positive = np.zeros((30, 1), dtype=bool)
    positive[0] = True
    users = Users.of(np.arange(30))
    left, right = (auc_metric(positive, rng.normal(size=(2, 30, 1)), users.code) for _ in range(2))
    found = pooled_difference(left, right, users, draws=400)
    assert np.isfinite(found.error)
    assert found.error > 0

    def rarely(weights: NDArray) -> NDArray:
        return np.where(weights[:, :2].sum(1, keepdims=True) == 2, left(weights), np.nan)

    unproven = pooled_difference(rarely, rarely, users, draws=400)
    assert unproven.p == 1.0
    assert unproven.high == np.inf
