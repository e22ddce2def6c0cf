"""How a number is written: no more digits than its standard error supports."""

from __future__ import annotations

import math


def decimals(error: float | None, most: int = 4) -> int:
    """Decimal places down to the first digit of the standard error: 3 for 0.0052, 2 for 0.014; at most ``most``.

    Without an error (one seed and one user, identical systems) nothing says how many: ``most``.
    """
    if error is None or not math.isfinite(error) or error <= 0:
        return most
    place = int(f"{error:.0e}".partition("e")[2])  # after rounding: 0.0096 is 0.01
    return min(max(-place, 0), most)


def written(mean: float, deviation: float | None, error: float | None, most: int = 4) -> str:
    """``0.275 ± 0.005``: mean and deviation over seeds, with the digits that the standard error supports.

    Args:
        mean, deviation: the deviation is None with one seed, and left out.
        error: standard error of the mean, which :func:`bench.stats.crossed.crossed_difference` of a system's own scores
            has.
        most: digits at most.
    """
    places = decimals(error, most)
    text = f"{mean:.{places}f}"
    return text if deviation is None else f"{text} ± {deviation:.{places}f}"
