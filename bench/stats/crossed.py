"""The difference of two systems over users and seeds, with a crossed variance.

Seeds and users are crossed random factors: every seed's model is scored on every user's queries. Pooling the S x U
cells as independent, or averaging over seeds first, gives far too many false alarms; the crossed variance with
Satterthwaite's degrees of freedom keeps its level (Owen, "The pigeonhole bootstrap", 2007; Satterthwaite, 1946).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

_SMALLEST_P = 1e-300  # a p-value is never 0


@dataclass(frozen=True)
class Difference:
    """The difference of two systems on one metric.

    Attributes:
        delta: difference of the means over queries.
        low, high: 95 % confidence interval.
        p: two-sided.
        degrees: of freedom.
        seeds, users, queries: how many of each; with one seed all of this is conditional on one trained model.
    """

    delta: float
    low: float
    high: float
    p: float
    degrees: float
    seeds: int
    users: int
    queries: int


def crossed_difference(differences: NDArray, user: NDArray) -> Difference:
    """Tests whether the mean of per-query differences is 0.

    With n_u queries of user u, ``d[s, u] = sum of u's differences / mean n`` has the difference of query means as its
    plain mean. The residual of that ratio, ``r[s, u] = (sum - n_u * delta) / mean n``, carries the variance
    ``max(MS_S + MS_U - MS_E, MS_S, MS_U) / (S U)``.

    Args:
        differences: (S, Q) metric of one system minus the other's, for each seed and query.
        user: (Q,) user of each query, any labels.
    """
    seeds, queries = differences.shape
    _, code = np.unique(user, return_inverse=True)
    users = int(code.max()) + 1 if queries else 0
    delta = float(differences.mean()) if queries else 0.0
    if users < 2:
        return Difference(delta, -np.inf, np.inf, 1.0, 0.0, seeds, users, queries)
    count = np.bincount(code, minlength=users)  # (U,)
    sums = np.stack([np.bincount(code, weights=row, minlength=users) for row in differences])  # (S, U)
    residual = (sums - count * delta) / count.mean()
    variance, degrees = _variance(residual)
    if variance <= 1e-30:
        p = 1.0 if abs(delta) < 1e-15 else _SMALLEST_P
        return Difference(delta, delta, delta, p, degrees, seeds, users, queries)
    error = np.sqrt(variance)
    p = max(2 * float(stats.t.sf(abs(delta) / error, degrees)), _SMALLEST_P)
    margin = float(stats.t.ppf(0.975, degrees)) * error
    return Difference(delta, delta - margin, delta + margin, p, degrees, seeds, users, queries)


def _variance(residual: NDArray) -> tuple[float, float]:
    """Variance of the grand mean of ``residual`` (S, U), and its degrees of freedom, at least S - 1."""
    seeds, users = residual.shape
    by_user = residual.mean(0)
    mean_users = seeds * by_user.var(ddof=1)  # MS_U
    if seeds == 1:
        return mean_users / users, users - 1
    by_seed = residual.mean(1)
    mean_seeds = users * by_seed.var(ddof=1)  # MS_S
    error = residual - by_seed[:, None] - by_user + residual.mean()
    mean_error = (error**2).sum() / ((seeds - 1) * (users - 1))  # MS_E
    total = mean_seeds + mean_users - mean_error
    candidates = {
        total: total**2
        / (mean_seeds**2 / (seeds - 1) + mean_users**2 / (users - 1) + mean_error**2 / ((seeds - 1) * (users - 1)))
        if total > 0
        else 0.0,
        mean_seeds: seeds - 1,
        mean_users: users - 1,
    }
    largest = max(candidates)
    return largest / (seeds * users), max(candidates[largest], seeds - 1)
