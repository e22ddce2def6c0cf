"""The difference of two systems on several simulated corpora, with the corpus as the replicate.

A world that was drawn once is one sample, however many users live in it: what is true of this catalogue and of these
tastes need not be true of the next ones. A claim about the simulated world therefore takes the corpus seed as its
replicate, and everything else is nested in it: users, queries, and the seeds of models, since no model of one corpus
shares its start or its data with one of another (:func:`bench.runs.replicates.model_seeds`).

Estimand: the mean over corpora of the mean over queries. d_c is the difference of the means over seeds and queries in
corpus c. Corpora weigh alike: they are draws of one population, declared alike, and a corpus that happened to get more
queries says no more about the next world.

Variance: ``s^2(d_c) / C``, with C - 1 degrees of freedom. As nothing is shared between corpora, the d_c are
independent draws of one distribution, and their spread already holds every component: corpus x system, users, seeds,
users x seeds. In mean squares: the one between corpora has the variance of the grand mean as its expectation, with
nothing to add or to take away, so that Satterthwaite's formula has one term, and gives C - 1.

What else could be done, with false alarms at 5 corpora of 800 users, users' deviation 0.09, corpora's 0.005: all users
pooled as if of one corpus, 31 %; pooled only where the corpora's component is not significant, 12 %; ``s^2 / C`` but
never less than the variance within corpora explains, 2 to 4 %, careful for nothing. ``s^2 / C`` alone: 5 %, and 4 to
6 % with 3, 5 and 10 corpora of 100 or 800 users, whatever the corpora's component is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.stats.crossed import Difference, from_variance, undefined
from bench.stats.examples import Pair
from bench.stats.student import Alternative
from bench.stats.users import Users


@dataclass(frozen=True, eq=False)
class Replicates:
    """Two systems on several corpora, or the mean of one.

    Attributes:
        deltas: (C,) the difference of the means over seeds and queries in each corpus, or of a pooled metric's means
            over seeds; of a single system its mean.
        seeds, users, queries: how many in all corpora together; a seed is one trained model of each system.
    """

    deltas: NDArray[np.float64]
    seeds: int
    users: int
    queries: int

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> Replicates:
        """From the two systems on each corpus."""
        return cls(
            np.array([pair.sums.mean(0).sum() / pair.users.count.sum() for pair in pairs]),
            sum(len(pair.sums) for pair in pairs),
            sum(len(pair.users) for pair in pairs),
            sum(int(pair.users.count.sum()) for pair in pairs),
        )

    def as_units(self) -> Pair:
        """The corpora in the place of users, with one query each: for tests that ask what a unit is, not whose."""
        return Pair(self.deltas[None], Users.of(np.arange(len(self.deltas))))


def nested_difference(replicates: Replicates, alternative: Alternative = "two-sided") -> Difference:
    """Tests the mean of the corpora's differences against 0; with one corpus the interval is endless and p is 1."""
    deltas = replicates.deltas
    number = len(deltas)
    sizes = (replicates.seeds, replicates.users, replicates.queries)
    each = tuple(deltas.tolist())
    if number < 2 or not np.isfinite(deltas).all():
        delta = float(deltas.mean()) if number else 0.0
        return replace(undefined(delta, sizes, alternative), corpus_deltas=each)
    variance = float(deltas.var(ddof=1)) / number
    return replace(
        from_variance(float(deltas.mean()), variance, number - 1, sizes, alternative),
        corpus_deltas=each,
    )


def smallest_flip_p(corpora: int, alternative: Alternative = "two-sided") -> float:
    """The smallest p of sign flips over corpora: of their 2^C signs, one is the data and one its mirror image."""
    return 2.0 ** ((alternative == "two-sided") - corpora)
