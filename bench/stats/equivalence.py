"""Equivalence of two systems: two one-sided tests against a margin that was fixed beforehand.

A difference that is not significant shows nothing; this test asks for evidence that it is small (Schuirmann, 1987).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.errors import BenchError
from bench.stats.crossed import Difference, crossed_difference
from bench.stats.users import Users


def equivalent_difference(differences: NDArray[np.float64], user: ArrayLike | Users, margin: float) -> Difference:
    """Tests whether the mean of per-query differences lies within ``-margin`` … ``margin``, with the crossed variance.

    Args:
        differences: (S, Q).
        user: (Q,) user of each query.
        margin: the largest difference that does not matter, in units of the metric.

    Returns:
        p is the larger of the two one-sided ones; below 0.05 exactly where the 90 % interval lies within the margin.

    Raises:
        BenchError: the margin is not above 0.
    """
    return equivalence(crossed_difference(differences, user), margin)


def equivalence(difference: Difference, margin: float) -> Difference:
    """Tests whether a difference that has been estimated, of a pooled metric too, lies within ``-margin`` … ``margin``.

    Raises:
        BenchError: the margin is not above 0.
    """
    if not margin > 0:
        raise BenchError(f"equivalence needs a margin above 0, not {margin}")
    p = max(difference.p_of("greater", -margin), difference.p_of("less", margin))
    return replace(difference, p=p, alternative="equivalent")
