"""The difference of two systems over users and seeds, with a crossed variance.

Seeds and users are crossed random factors: every seed's model is scored on every user's queries. Pooling the S x U
cells as independent, or averaging over seeds first, gives far too many false alarms; the crossed variance with
Satterthwaite's degrees of freedom keeps its level (Owen, "The pigeonhole bootstrap", 2007; Satterthwaite, 1946). It
needs five seeds for that; with two to four the interval is Banerjee's (:mod:`bench.stats.banerjee`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.errors import BenchError
from bench.stats.banerjee import Parts, crossed_parts, few, half_width, p_value
from bench.stats.student import Alternative, t_interval, t_p_value
from bench.stats.users import Users

Squares = tuple[float, float, float]
"""Mean squares of seeds, of users, and of what is left: MS_S, MS_U and MS_E."""


@dataclass(frozen=True)
class Difference:
    """The difference of two systems on one metric.

    Attributes:
        delta: difference of the means over queries, or of a pooled metric's means over seeds.
        low, high: 95 % confidence interval, two-sided whatever the alternative.
        p: of the alternative.
        degrees: of freedom; with two to four seeds those of the seeds alone, S - 1.
        seeds, users, queries: how many of each; with one seed all of this is conditional on one trained model.
        error: standard error of ``delta``.
        alternative: what is claimed of ``delta``: not 0, above, below, or within a margin around 0.
        corpus_deltas: the difference in each corpus, where corpora are the replicates (:mod:`bench.stats.nested`); else
            empty.
        by_seed: (S,) the difference of each seed; empty where it is not known.
        squares: what the variance was made of; None where it was made of something else.
        parts: of the variance, with two to four seeds (:mod:`bench.stats.banerjee`); else empty.
    """

    delta: float
    low: float
    high: float
    p: float
    degrees: float
    seeds: int
    users: int
    queries: int
    error: float
    alternative: Alternative | Literal["equivalent"] = "two-sided"
    corpus_deltas: tuple[float, ...] = ()
    by_seed: tuple[float, ...] = ()
    squares: Squares | None = None
    parts: Parts = ()

    @property
    def replicates(self) -> int:
        """What is drawn anew to say something of the method: corpora where there are several, else seeds."""
        return len(self.corpus_deltas) or self.seeds

    def p_of(self, alternative: Alternative, null: float = 0.0) -> float:
        """p of ``delta`` against ``null``; 1 without an interval."""
        if not np.isfinite(self.error):
            return 1.0
        if self.parts:
            return p_value(self.delta - null, self.parts, alternative)
        return t_p_value(self.delta - null, self.error, self.degrees, alternative)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Two-sided confidence interval; endless where the error is."""
        if not self.parts:
            return t_interval(self.delta, self.error, self.degrees, level)
        variances, degrees = zip(*self.parts, strict=True)
        margin = float(half_width(variances, degrees, (1 - level) / 2))
        return self.delta - margin, self.delta + margin


def crossed_difference(
    differences: NDArray[np.float64], user: ArrayLike | Users, alternative: Alternative = "two-sided"
) -> Difference:
    """Tests the mean of per-query differences against 0.

    Args:
        differences: (S, Q) metric of one system minus the other's, for each seed and query. The scores of a single
            system are welcome too: then it is the interval of its mean.
        user: (Q,) user of each query, any labels.
        alternative: of the mean.

    Returns:
        with fewer than two users, or a difference that is NaN or endless, an endless interval and p = 1.

    Raises:
        BenchError: there is no seed.
    """
    users = user if isinstance(user, Users) else Users.of(user)
    return crossed_sums(users.sums(differences), users.count, alternative)


def crossed_sums(
    sums: NDArray[np.float64], count: NDArray[np.int64], alternative: Alternative = "two-sided"
) -> Difference:
    """Tests the mean over queries from the users' sums, which add up where systems were scored on the same queries.

    With n_u queries of user u, ``d[s, u] = sum of u's differences / mean n`` has the difference of query means as its
    plain mean. The residual of that ratio, ``r[s, u] = (sum - n_u * delta) / mean n``, carries the variance.

    Args:
        sums: (S, U) sums of each user's differences.
        count: (U,) queries of each user.
        alternative: of the mean over queries.

    Raises:
        BenchError: there is no seed.
    """
    seeds, users = sums.shape
    if not seeds:
        raise BenchError("there is nothing to test: no seed was scored")
    queries = int(count.sum())
    delta = float(sums.sum() / (seeds * queries)) if queries else 0.0
    sizes = (seeds, users, queries)
    if users < 2 or not np.isfinite(sums).all():
        return undefined(delta, sizes, alternative)
    residual = (sums - count * delta) / count.mean()  # (S, U)
    by_seed = tuple((sums.sum(1) / queries).tolist())
    with np.errstate(over="ignore", invalid="ignore"):  # squares that are no number make no test
        squares = mean_squares(residual)
    return from_squares(delta, squares, sizes, alternative, by_seed)


def from_squares(
    delta: float,
    squares: Squares,
    sizes: tuple[int, int, int],
    alternative: Alternative,
    by_seed: tuple[float, ...] = (),
) -> Difference:
    """The test of an estimate with these mean squares: Student's t, or Banerjee's with two to four seeds.

    Args:
        delta: the estimate.
        squares: MS_S, MS_U and MS_E.
        sizes: numbers of seeds, users and queries.
        alternative: of the estimate.
        by_seed: (S,) estimates of the seeds.
    """
    seeds, users, _ = sizes
    if not np.isfinite((delta, *squares)).all():
        return undefined(delta, sizes, alternative)
    if not few(seeds):
        plain = from_variance(delta, *crossed_variance(*squares, seeds, users), sizes, alternative)
        return replace(plain, by_seed=by_seed, squares=squares)
    parts = crossed_parts(*squares, seeds, users)
    if sum(variance for variance, _ in parts) <= 1e-30:
        parts = ((0.0, parts[0][1]), (0.0, parts[1][1]))
    error = float(np.sqrt(sum(variance for variance, _ in parts)))
    bare = Difference(
        delta, delta, delta, 1.0, seeds - 1, *sizes, error, alternative, by_seed=by_seed, squares=squares, parts=parts
    )
    low, high = bare.interval()
    return replace(bare, low=low, high=high, p=bare.p_of(alternative))


def from_variance(
    delta: float, variance: float, degrees: float, sizes: tuple[int, int, int], alternative: Alternative
) -> Difference:
    """The t test of an estimate with this variance; ``sizes`` are the numbers of seeds, users and queries."""
    if not np.isfinite((delta, variance)).all():
        return undefined(delta, sizes, alternative)
    error = float(np.sqrt(variance)) if variance > 1e-30 else 0.0
    low, high = t_interval(delta, error, degrees)
    return Difference(
        delta, low, high, t_p_value(delta, error, degrees, alternative), degrees, *sizes, error, alternative
    )


def undefined(delta: float, sizes: tuple[int, int, int], alternative: Alternative) -> Difference:
    """No test: an endless interval and p = 1, where there are too few users, or numbers that are none."""
    return Difference(delta, -np.inf, np.inf, 1.0, 0.0, *sizes, np.inf, alternative)


def for_alternative(difference: Difference, alternative: Alternative) -> Difference:
    """The same estimate, tested for another alternative; two-sided as well."""
    return replace(difference, p=difference.p_of(alternative), alternative=alternative)


def mean_squares(residual: NDArray[np.float64]) -> Squares:
    """MS_S, MS_U and MS_E of ``residual`` (S, U); with one seed only MS_U is more than 0."""
    seeds, users = residual.shape
    by_user = residual.mean(0)
    mean_users = float(seeds * by_user.var(ddof=1))
    if seeds == 1:
        return 0.0, mean_users, 0.0
    by_seed = residual.mean(1)
    mean_seeds = float(users * by_seed.var(ddof=1))
    error = residual - by_seed[:, None] - by_user + residual.mean()
    return mean_seeds, mean_users, float((error**2).sum() / ((seeds - 1) * (users - 1)))


def crossed_variance(
    mean_seeds: float, mean_users: float, mean_error: float, seeds: int, users: int
) -> tuple[float, float]:
    """Variance of the grand mean, ``max(MS_S + MS_U - MS_E, MS_S, MS_U) / (S U)``, and its degrees of freedom.

    The degrees are Satterthwaite's, or those of the one mean square that was larger; at least S - 1.
    """
    if seeds == 1:
        return mean_users / users, users - 1
    squares = np.array([mean_seeds, mean_users, mean_error], dtype=np.float64)
    variance, degrees = crossed_variances(squares[0], squares[1], squares[2], seeds, users)
    return float(variance), float(degrees)


def crossed_variances(
    mean_seeds: NDArray[np.float64],
    mean_users: NDArray[np.float64],
    mean_error: NDArray[np.float64],
    seeds: int,
    users: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """:func:`crossed_variance` of many differences at once, of two seeds or more; the mean squares have any shapes."""
    total = mean_seeds + mean_users - mean_error
    below = mean_seeds**2 / (seeds - 1) + mean_users**2 / (users - 1) + mean_error**2 / ((seeds - 1) * (users - 1))
    satterthwaite = np.divide(total**2, below, out=np.zeros_like(total), where=(below > 0) & (total > 0))
    largest = np.maximum(np.maximum(total, mean_seeds), mean_users)
    degrees = np.where(mean_seeds >= largest, seeds - 1, satterthwaite)
    degrees = np.where(mean_users >= largest, users - 1, degrees)
    return largest / (seeds * users), np.maximum(degrees, seeds - 1)
