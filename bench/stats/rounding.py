"""How numbers are written, everywhere: no more digits than their uncertainty supports, and never fewer.

The uncertainty of what is printed decides: a mean over seeds has the digits of its deviation, a difference those of its
interval, a single value those of its standard error. It is written to its first digit, or to the second where the first
is a 1: 0.0052 as 0.005 and 0.014 as 0.014, since 0.01 would stand for everything from 0.010 to 0.015.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from bench.stats.banerjee import few

_UNKNOWN = 3  # decimals where nothing says how many
_MOST = 6  # and what is smaller than half a unit of the last of these is no more than the rounding of floats


def decimals(uncertainty: float | None) -> int:
    """Decimal places of a number with this deviation or standard error: 3 for 0.0052, 0.0096 and 0.014, 2 for 0.023.

    Without one (a single seed and user, identical systems) nothing says how many: 3.
    """
    if uncertainty is None or not math.isfinite(uncertainty) or uncertainty < 0.5 * 10.0**-_MOST:
        return _UNKNOWN
    digit, _, exponent = f"{uncertainty:.0e}".partition("e")  # after rounding: 0.0096 begins with a 1
    return min(max(-int(exponent) + (digit == "1"), 0), _MOST)


def decimals_of_interval(low: float, high: float) -> int:
    """Decimal places of an estimate with this 95 % interval, a quarter of which is about one standard error."""
    return decimals((high - low) / 4)


def written_mean(mean: float, deviation: float | None, error: float | None = None) -> str:
    """``0.275 ± 0.005``: a mean over seeds and the seeds' deviation, which no rounding turns into 0.

    Args:
        mean: what is written.
        deviation: None with one seed; then the mean stands alone.
        error: standard error of the mean, which counts where there is no deviation.
    """
    if deviation is None:
        return f"{mean:.{decimals(error)}f}"
    if deviation < 0.5 * 10.0**-_MOST:  # every seed gave the same
        return f"{mean:.{decimals(error)}f} ± 0"
    places = decimals(deviation)
    return f"{mean:.{places}f} ± {deviation:.{places}f}"


def written_interval(delta: float, low: float | None, high: float | None, mark: str = "") -> str:
    """``+0.031† [+0.025, +0.037]``: a difference with its interval; alone where it has none or an endless one.

    Args:
        delta: the difference.
        low, high: its 95 % interval.
        mark: stands after the difference, such as a dagger.
    """
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return f"{delta:+.{_UNKNOWN}f}{mark}"
    places = decimals_of_interval(low, high)
    return f"{delta:+.{places}f}{mark} [{low:+.{places}f}, {high:+.{places}f}]"


def written_deltas(deltas: Sequence[float]) -> str:
    """``+0.030 +0.041 +0.022``: the differences of replicates, with the digits of their deviation."""
    places = decimals(statistics.stdev(deltas) if len(deltas) > 1 else None)
    return " ".join(f"{delta:+.{places}f}" for delta in deltas)


def written_seeds(by_seed: Sequence[float]) -> str:
    """``seeds +0.030 +0.041 +0.022``: the difference of every seed; nothing where one or enough of them were run."""
    return f"seeds {written_deltas(by_seed)}" if few(len(by_seed)) else ""


def written_p(p: float | None) -> str:
    """``0.0137``; ``< 0.0001`` below that, and nothing where nothing was tested."""
    if p is None:
        return ""
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"
