"""Rank groups: which systems of a column could not be told apart, and which could not be told from the best.

All pairs are tested together, by the largest of their statistics under their joint distribution (Hothorn, Bretz and
Westfall, 2008). That distribution is drawn with the crossed mean squares of the systems: seeds of two systems are
independent, since what they share falls out of every difference; users and the rest have the covariance that was
estimated. Three things differ from a multivariate t with one number of degrees of freedom, as simulation asks for them.
Each draw has variances of its own, S - 1 seeds' worth, for with five seeds the pairs' errors are nearly independent.
The covariance of seeds is a diagonal, for five seeds estimate a matrix of rank four. And every pair is measured by the
p of its own degrees of freedom, so that a pair with four of them does not set the bar for one with hundreds. Between
equal systems something is found 3 to 8 times in a hundred, at 4 to 16 systems, whether seeds or users rule.

*Not separable from the best* is Hsu's (1984) comparison with the best: a system is out where some other one is better
by a one-sided test, joint over all others. The truly best one is out at most five times in a hundred.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from bench.stats.banerjee import FEWEST_SEEDS
from bench.stats.crossed import crossed_variances
from bench.stats.joint import Joint, Matrix, between
from bench.stats.letters import compact_letters

_DRAWS = 5_000
_NOTHING = 1e-30  # a variance below this is the rounding of floats


@dataclass(frozen=True)
class RankGroups:
    """The groups of one column.

    Attributes:
        letters: of each system; empty where there are none.
        best: the systems that are not separable from the best one.
        p: of each pair in the order of the systems, adjusted for all pairs.
        note: why there are no letters, or which systems were left out and why; else empty.
    """

    letters: Mapping[str, str] = field(default_factory=dict)
    best: frozenset[str] = frozenset()
    p: Mapping[tuple[str, str], float] = field(default_factory=dict)
    note: str = ""


def rank_groups(joint: Joint, level: float = 0.05, draws: int = _DRAWS, seed: int = 0, note: str = "") -> RankGroups:
    """Groups of two systems or more.

    Args:
        joint: their means and mean squares, with five seeds or more.
        level: of the family of all pairs, and of the comparison with the best.
        draws: from the joint distribution.
        seed: decides the draws.
        note: is handed on.
    """
    assert joint.seeds >= FEWEST_SEEDS
    left, right = joint.pairs()
    variances, degrees = joint.variances()
    delta = joint.means[left] - joint.means[right]
    observed = _upper_tail(delta, variances, degrees)  # (P,) one-sided: the left one is better
    drawn = _draw(joint, draws, np.random.default_rng([seed, *b"rank groups"]))  # (B, P)
    smallest = np.sort(2 * np.minimum(drawn, 1 - drawn).min(1))  # (B,)
    two_sided = 2 * np.minimum(observed, 1 - observed)
    adjusted = (np.searchsorted(smallest, two_sided * (1 + 1e-9), side="right") + 1) / (draws + 1)
    names = joint.names
    p = {(names[i], names[j]): float(min(q, 1.0)) for i, j, q in zip(left, right, adjusted, strict=True)}
    order = sorted(range(len(names)), key=lambda k: (-joint.means[k], names[k]))
    letters = compact_letters([names[k] for k in order], [pair for pair, q in p.items() if q < level])
    best = set()
    for k, name in enumerate(names):
        mine = (left == k) | (right == k)
        sign = right[mine] == k  # the other one is the left one: "it is better" is what the tail says
        worse = np.where(sign, observed[mine], 1 - observed[mine]).min()
        bar = np.quantile(np.where(sign, drawn[:, mine], 1 - drawn[:, mine]).min(1), level)
        if worse >= bar or k == order[0]:
            best.add(name)
    return RankGroups(letters, frozenset(best), p, note)


def _draw(joint: Joint, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(B, P) the pairs' one-sided p where all systems are equal."""
    systems, seeds, users = len(joint.names), joint.seeds, joint.users
    left, right = joint.pairs()
    of_seeds = users * np.diag(_seed_variances(joint))  # (K, K) what seeds add to MS_S
    root = _root(joint.of_error + of_seeds)
    mean_users, mean_error = (between(m)[left, right] for m in (joint.of_users, joint.of_error))
    found = np.empty((draws, len(left)))
    size = max(1, 2_000_000 // ((seeds - 1) * len(left)))
    for start in range(0, draws, size):
        rows = min(size, draws - start)
        deviations = (rng.standard_normal((rows * (seeds - 1), systems)) @ root.T).reshape(rows, seeds - 1, systems)
        mean_seeds = ((deviations[:, :, left] - deviations[:, :, right]) ** 2).sum(1) / (seeds - 1)  # (b, P)
        means = rng.standard_normal((rows, systems)) @ _root((of_seeds + joint.of_users) / (seeds * users)).T  # (b, K)
        scale = rng.chisquare(users - 1, (rows, 1)) / (users - 1)
        variances, degrees = crossed_variances(mean_seeds, mean_users * scale, mean_error, seeds, users)
        found[start : start + rows] = _upper_tail(means[:, left] - means[:, right], variances, degrees)
    return found


def _seed_variances(joint: Joint) -> NDArray[np.float64]:
    """(K,) variance over seeds of each system: of every pair their sum is, on average, what MS_S - MS_E says of it."""
    systems = len(joint.names)
    excess = (joint.of_seeds - joint.of_error) / joint.users
    apart = excess.diagonal()[:, None] + excess.diagonal() - 2 * excess  # (K, K), below 0 where seeds don't differ
    if systems == 2:
        return np.full(2, max(float(apart[0, 1]), 0.0) / 2)
    total = apart.sum(1)
    variances: NDArray[np.float64] = np.maximum((total - total.sum() / (2 * (systems - 1))) / (systems - 2), 0.0)
    return variances


def _upper_tail(
    delta: NDArray[np.float64], variance: NDArray[np.float64], degrees: NDArray[np.float64]
) -> NDArray[np.float64]:
    """One-sided p of ``delta > 0``; one half where nothing differs, next to 0 or 1 where only the error is lacking."""
    error = np.sqrt(np.maximum(variance, _NOTHING))
    ratio = np.where((variance <= _NOTHING) & (np.abs(delta) < 1e-15), 0.0, delta / error)
    tail: NDArray[np.float64] = stdtr(degrees, -ratio)
    return tail


def _root(matrix: Matrix) -> Matrix:
    """A square root of a covariance matrix, its negative directions taken out."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    root: Matrix = vectors * np.sqrt(np.maximum(values, 0.0))
    return root
