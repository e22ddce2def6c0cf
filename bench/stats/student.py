"""Student's t for an estimate with a standard error: p-value of an alternative, and interval."""

from __future__ import annotations

import math
from typing import Literal

from scipy.special import stdtr, stdtrit

Alternative = Literal["two-sided", "greater", "less"]
"""What is claimed of a difference: that it is not 0, above 0, or below 0."""

SMALLEST_P = 1e-300
"""A p-value is never 0."""


def t_p_value(estimate: float, error: float, degrees: float, alternative: Alternative = "two-sided") -> float:
    """p of an estimate against 0, in (0, 1].

    Without any error the data leave no doubt: 1 where the estimate is 0 or on the wrong side, else next to 0.
    """
    extreme = {"two-sided": abs(estimate), "greater": estimate, "less": -estimate}[alternative]
    if error <= 0:
        return 1.0 if extreme < 1e-15 else SMALLEST_P
    tail = float(stdtr(degrees, -extreme / error))
    return min(max(2 * tail if alternative == "two-sided" else tail, SMALLEST_P), 1.0)


def t_interval(estimate: float, error: float, degrees: float, level: float = 0.95) -> tuple[float, float]:
    """Two-sided confidence interval of an estimate; endless where its error is."""
    if not math.isfinite(error):
        return -math.inf, math.inf
    margin = float(stdtrit(degrees, 0.5 + level / 2)) * error if error > 0 else 0.0
    return estimate - margin, estimate + margin
