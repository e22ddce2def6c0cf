"""What a design could have found: the smallest difference with 80 % power, and whether seeds or users limit it.

A difference that is not significant says little before it is known which ones would have been. The mean squares of a
comparison split its variance into that of seeds, of users and of what is left; with them every other number of seeds
and users can be asked as well. More users never take away what seeds differ by, so some differences are out of reach
of any number of users.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtri, ndtr, stdtrit

from bench.stats.banerjee import few
from bench.stats.crossed import Difference, crossed_variance

POWER, LEVEL = 0.8, 0.05
_TAILS = (np.arange(400) + 0.5) / 400  # of the chi-squared variable over which power is averaged
_MOST_USERS = 10**9


@dataclass(frozen=True)
class Components:
    """Variances of a difference's cells: ``seeds`` between seeds, ``users`` between users, ``error`` the rest."""

    seeds: float
    users: float
    error: float

    @classmethod
    def of(cls, difference: Difference) -> Components | None:
        """Those of a comparison; None with one seed, or without mean squares."""
        if difference.squares is None or difference.seeds < 2 or difference.users < 2:
            return None
        mean_seeds, mean_users, error = difference.squares
        return cls(
            max(mean_seeds - error, 0.0) / difference.users, max(mean_users - error, 0.0) / difference.seeds, error
        )


@dataclass(frozen=True)
class Smallest:
    """The smallest difference that a design finds.

    Attributes:
        found: with 80 % power at 5 %, two-sided and not corrected for other tests.
        limit: what twice as many of would lower it more.
        with_any_users: the same with as many users as one likes.
        with_twice_the_seeds: the same with twice the seeds.
    """

    found: float
    limit: Literal["seeds", "users"]
    with_any_users: float
    with_twice_the_seeds: float


def smallest_of(difference: Difference) -> Smallest | None:
    """What the design of a comparison could find; None with one seed."""
    components = Components.of(difference)
    if components is None:
        return None
    seeds, users = difference.seeds, difference.users
    more_seeds = smallest_found(components, 2 * seeds, users)
    more_users = smallest_found(components, seeds, 2 * users)
    return Smallest(
        smallest_found(components, seeds, users),
        "seeds" if more_seeds < more_users else "users",
        smallest_found(components, seeds, math.inf),
        more_seeds,
    )


def smallest_found(
    components: Components, seeds: int, users: float, power: float = POWER, level: float = LEVEL
) -> float:
    """The smallest \\|delta\\| that a two-sided test of this level finds with this power.

    Args:
        components: of the difference.
        seeds: 2 or more; below five the test is Banerjee's.
        users: 2 or more; ``math.inf`` for as many as one likes.
        power, level: of the test.
    """
    variance = components.seeds / seeds + (components.users + components.error / seeds) / users
    if variance <= 0:
        return 0.0
    # Squares of half-widths over chi-squared draws: t^2 times the variance that the test would have estimated.
    half = np.sqrt(_squared_half_widths(components, seeds, users, level))  # (400,)
    spread = math.sqrt(variance)

    def short_of(delta: float) -> float:
        return float((ndtr((delta - half) / spread) + ndtr((-delta - half) / spread)).mean()) - power

    return float(brentq(short_of, 0.0, float(half.max()) + 10 * spread, xtol=1e-9))


def users_needed(components: Components, seeds: int, delta: float) -> int | None:
    """The fewest users with which this many seeds find ``delta``; None where no number of users is enough."""
    if smallest_found(components, seeds, math.inf) >= delta:
        return None
    low, high = 1, 2
    while high < _MOST_USERS and smallest_found(components, seeds, high) > delta:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if smallest_found(components, seeds, middle) > delta else (low, middle)
    return high


def _squared_half_widths(components: Components, seeds: int, users: float, level: float) -> np.ndarray:
    if math.isinf(users):
        return _drawn(components.seeds / seeds, seeds - 1.0, level)
    mean_seeds = components.error + users * components.seeds
    if few(seeds):
        # the seeds' part varies from run to run; that of hundreds of users hardly does
        fixed = stdtrit(users - 1, level / 2) ** 2 * components.users / users
        return _drawn(mean_seeds / (seeds * users), seeds - 1, level) + float(fixed)
    mean_users = components.error + seeds * components.users
    return _drawn(*crossed_variance(mean_seeds, mean_users, components.error, seeds, int(users)), level)


def _drawn(variance: float, degrees: float, level: float) -> np.ndarray:
    """``t^2 v chi^2 / degrees`` at 400 evenly spread probabilities."""
    drawn: np.ndarray = stdtrit(degrees, level / 2) ** 2 * variance * chdtri(degrees, _TAILS) / degrees
    return drawn
