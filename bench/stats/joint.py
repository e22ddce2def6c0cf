"""The crossed mean squares of several systems together: what the joint test of all pairs is made of.

A pair's mean square is a quadratic form of these matrices, so every pair has the variance and the degrees of freedom of
its own crossed test (:mod:`bench.stats.crossed`), and the matrices say besides how the pairs hang together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.metrics.classification import WeightedMetric
from bench.stats.crossed import crossed_variances
from bench.stats.examples import Scores
from bench.stats.pooled import user_draws
from bench.stats.users import Users

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Joint:
    """K systems scored on the same examples with the same seeds.

    Attributes:
        names: (K,) of the systems.
        means: (K,) over queries and seeds.
        of_seeds, of_users, of_error: (K, K) matrices of mean squares and products: MS_S, MS_U, MS_E.
        seeds, users: how many.
    """

    names: tuple[str, ...]
    means: NDArray[np.float64]
    of_seeds: Matrix
    of_users: Matrix
    of_error: Matrix
    seeds: int
    users: int

    @classmethod
    def of(cls, systems: Mapping[str, Scores]) -> Joint:
        """From scores per query.

        Raises:
            BenchError: they were scored on different examples.
        """
        names = tuple(systems)
        lead = systems[names[0]]
        for name in names[1:]:
            systems[name].examples.assert_same(lead.examples, f"{names[0]} and {name}")
        count = lead.examples.users.count
        order = [np.argsort(scores.seeds) for scores in systems.values()]
        sums = np.stack([scores.sums[rows] for scores, rows in zip(systems.values(), order, strict=True)])  # (K, S, U)
        seeds, users = sums.shape[1:]
        means = sums.sum((1, 2)) / (seeds * count.sum())  # (K,)
        residual = (sums - count * means[:, None, None]) / count.mean()  # (K, S, U)
        by_user, by_seed = residual.mean(1), residual.mean(2)  # (K, U), (K, S)
        error = (residual - by_user[:, None] - by_seed[:, :, None] + residual.mean((1, 2))[:, None, None]).reshape(
            len(names), -1
        )  # (K, S U)
        centred = by_user - by_user.mean(1, keepdims=True), by_seed - by_seed.mean(1, keepdims=True)
        return cls(
            names,
            means,
            users * centred[1] @ centred[1].T / (seeds - 1),
            seeds * centred[0] @ centred[0].T / (users - 1),
            error @ error.T / ((seeds - 1) * (users - 1)),
            seeds,
            users,
        )

    @classmethod
    def pooled(
        cls, systems: Mapping[str, WeightedMetric], users: Users, draws: int = 2_000, seed: int = 0
    ) -> Joint | None:
        """From pooled metrics, with the draws of :func:`bench.stats.pooled.pooled_difference`; None where it has none.

        Args:
            systems: their metrics, of users whose codes are those of ``users``.
            users: of the queries or sessions.
            draws, seed: of users.
        """
        number = len(users)
        observed = np.stack([metric(np.ones((1, number)))[0] for metric in systems.values()])  # (K, S)
        drawn = np.stack(
            [
                np.concatenate([metric(weights) for weights in user_draws(number, draws, seed)])
                for metric in systems.values()
            ]
        )  # (K, B, S)
        drawn = drawn[:, np.isfinite(drawn).all((0, 2))]
        if number < 2 or not np.isfinite(observed).all() or drawn.shape[1] < max(2, draws // 2):
            return None
        seeds, unbiased = observed.shape[1], number / (number - 1)
        deviations = drawn - drawn.mean(1, keepdims=True)
        shared = deviations.mean(2)  # (K, B)
        apart = (deviations - shared[:, :, None]).reshape(len(systems), -1)  # (K, B S)
        degrees = drawn.shape[1] - 1
        return cls(
            tuple(systems),
            observed.mean(1),
            number * np.atleast_2d(np.cov(observed)),
            shared @ shared.T / degrees * seeds * number * unbiased,
            apart @ apart.T / (degrees * (seeds - 1)) * number * unbiased,
            seeds,
            number,
        )

    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of the two systems of each pair, P of them."""
        left, right = np.triu_indices(len(self.names), 1)
        return left, right

    def variances(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(P,) variance and degrees of freedom of every pair's difference, those of its own crossed test."""
        pairs = self.pairs()
        mean_seeds, mean_users, mean_error = (between(m)[pairs] for m in (self.of_seeds, self.of_users, self.of_error))
        return crossed_variances(mean_seeds, mean_users, mean_error, self.seeds, self.users)


def between(matrix: Matrix) -> Matrix:
    """(K, K) quadratic forms of every difference of two systems."""
    diagonal = matrix.diagonal()
    forms: Matrix = np.maximum(diagonal[:, None] + diagonal - 2 * matrix, 0.0)
    return forms
