"""Which numbers of a column are bold, and which carry a dagger."""

from __future__ import annotations

from collections.abc import Mapping

from bench.stats.banerjee import FEWEST_SEEDS
from bench.stats.crossed import crossed_sums
from bench.stats.examples import Pair, Scores
from bench.stats.holm import holm


def dagger(p_adjusted: float | None, seeds: int, level: float = 0.05) -> str:
    """``†`` for a difference to vanilla that is significant after Holm, in either direction; never below five seeds."""
    return "†" if p_adjusted is not None and p_adjusted < level and seeds >= FEWEST_SEEDS else ""


def bold(systems: Mapping[str, Scores], level: float = 0.05) -> frozenset[str]:
    """The best of the systems in one column, and every one not significantly worse.

    As the best is picked by the same scores, each pair might have been the one compared: Holm runs over all pairs.

    Args:
        systems: those of one dataset, baseline and metric, by name; higher is better.
        level: of the family of pairs.

    Raises:
        BenchError: they were scored on different examples.
    """
    names = sorted(systems)
    if not names:
        return frozenset()
    best = max(names, key=lambda name: systems[name].mean)
    pairs = [(left, right) for i, left in enumerate(names) for right in names[i + 1 :]]
    raw = []
    for left, right in pairs:
        pair = Pair.of(systems[left], systems[right], where=f"{left} and {right}")
        raw.append(crossed_sums(pair.sums, pair.users.count).p)
    p = dict(zip(pairs, holm(raw).tolist(), strict=True))
    return frozenset(name for name in names if name == best or p[min(name, best), max(name, best)] >= level)
