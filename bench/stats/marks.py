"""Which differences carry a dagger."""

from __future__ import annotations

from bench.stats.banerjee import FEWEST_SEEDS


def dagger(p_adjusted: float | None, seeds: int, level: float = 0.05) -> str:
    """``†`` for a difference to vanilla that is significant after Holm, in either direction; never below five seeds."""
    return "†" if p_adjusted is not None and p_adjusted < level and seeds >= FEWEST_SEEDS else ""
