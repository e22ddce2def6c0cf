"""Differences of pooled metrics, which are no means over queries: a bootstrap over users and seeds (Owen, 2007).

Users are drawn with replacement, each with all of his queries and under all seeds at once. The estimate is a mean over
seeds, so what drawing seeds adds has a closed form and needs no draws. Percentiles of the plain bootstrap would be too
short for five seeds, and too long for the part that users and seeds share, which it counts three times; so the draws
serve for the variance components of the crossed test, and Student's t does the rest.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bench.metrics.classification import WeightedMetric
from bench.stats.crossed import Difference, Squares, from_squares
from bench.stats.student import Alternative
from bench.stats.users import Users

_BLOCK = 2_000_000  # weights held at a time


def pooled_difference(
    system: WeightedMetric,
    reference: WeightedMetric,
    users: Users,
    alternative: Alternative = "two-sided",
    draws: int = 2_000,
    seed: int = 0,
) -> Difference:
    """Tests whether a pooled metric's mean over seeds is the same for two systems.

    Args:
        system, reference: their metrics (:func:`bench.metrics.classification.weighted_metric`), of users whose codes
            are those of ``users``.
        users: of the queries or sessions; the same for both, as are the examples.
        alternative: of the difference.
        draws: of users, B. Draws in which the metric isn't defined are left out.
        seed: decides the draws; with the same seed and users every contrast sees the same ones.

    Raises:
        ValueError: the metric isn't defined on the data itself.
    """
    plain = np.ones((1, len(users)))
    observed = (system(plain) - reference(plain))[0]  # (S,)
    if not np.isfinite(observed).all():
        raise ValueError("the metric is not defined on these examples")
    seeds, number, queries = len(observed), len(users), len(users.code)
    delta = float(observed.mean())
    drawn = np.concatenate([system(weights) - reference(weights) for weights in user_draws(number, draws, seed)])
    drawn = drawn[np.isfinite(drawn).all(1)]  # (B, S)
    if number < 2 or len(drawn) < max(2, draws // 2):
        return Difference(delta, -np.inf, np.inf, 1.0, 0.0, seeds, number, queries, np.inf, alternative)
    squares = _mean_squares(observed, drawn, number)
    return from_squares(delta, squares, (seeds, number, queries), alternative, tuple(observed.tolist()))


def user_draws(users: int, draws: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Blocks (b, U), ``draws`` rows in all, of how often each user was drawn when U were drawn with replacement."""
    rng = np.random.default_rng([seed, *b"pigeonhole"])
    size = max(1, _BLOCK // users)
    for start in range(0, draws, size):
        rows = min(size, draws - start)
        flat = rng.integers(0, users, (rows, users)) + np.arange(rows)[:, None] * users
        yield np.bincount(flat.ravel(), minlength=rows * users).reshape(rows, users).astype(np.float64)


def _mean_squares(observed: NDArray[np.float64], drawn: NDArray[np.float64], users: int) -> Squares:
    """MS_S, MS_U and MS_E: seeds from what was observed (S,), the others from the draws (B, S) of users."""
    seeds = len(observed)
    unbiased = users / (users - 1)
    if seeds == 1:
        return 0.0, float(drawn.var(ddof=1)) * users * unbiased, 0.0
    deviations = drawn - drawn.mean(0)
    shared = deviations.mean(1, keepdims=True)  # (B, 1)
    degrees = len(drawn) - 1
    mean_users = float((shared**2).sum() / degrees) * seeds * users * unbiased
    mean_error = float(((deviations - shared) ** 2).sum() / (degrees * (seeds - 1))) * users * unbiased
    return float(users * observed.var(ddof=1)), mean_users, mean_error
