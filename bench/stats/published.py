"""Our intervals beside published numbers. Never a test against a printed mean: it comes without its own error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from bench.stats.crossed import Difference
from bench.stats.equivalence import equivalence

PublishedVerdict = Literal[
    "opposite sign",
    "same sign, compatible size",
    "same sign, size too imprecise",
    "same sign, smaller",
    "same sign, larger",
    "published size excluded, sign not established",
    "inconclusive",
    "not tested",
]


@dataclass(frozen=True)
class AgainstPublished:
    """A published difference beside ours.

    Attributes:
        published: the difference of two printed numbers.
        delta, low, high: ours.
        verdict: see :func:`against_published`.
        compatible: whether the published difference lies within a prediction interval around ours.
        conclusive: our interval leaves out 0, so that the sign is more than chance.
        within: the declared margin, where the 90 % interval lies within it on both sides of 0; else None.
    """

    published: float
    delta: float | None
    low: float | None
    high: float | None
    verdict: PublishedVerdict
    compatible: bool
    conclusive: bool
    within: float | None = None

    @property
    def words(self) -> str:
        """The verdict, and what was shown to be absent: ``inconclusive; no difference beyond ±0.01``."""
        return self.verdict if self.within is None else f"{self.verdict}; no difference beyond ±{self.within:g}"


def against_published(
    published: float, ours: Difference | None, digits: int = 4, margin: float | None = None
) -> AgainstPublished:
    """Compares our difference with the published one.

    Published P and ours, with half-width h of its 95 % interval, are *compatible* where they differ by at most
    ``sqrt(2) h`` and the rounding of P: a prediction interval, if the paper's precision were ours. The first that
    applies:

    1. 0 is outside our interval, and the signs differ: ``opposite sign``.
    2. 0 outside, compatible: ``same sign, compatible size``, or ``same sign, size too imprecise`` where h is more than
       half of P.
    3. 0 outside: ``same sign, smaller`` or ``same sign, larger``.
    4. 0 inside, not compatible: ``published size excluded, sign not established``.
    5. 0 inside, compatible: ``inconclusive``.

    A published difference that is no more than its rounding has no sign: then only the last two apply.

    Args:
        published: encoder's printed number minus the reference's.
        ours: on the same task, baseline and metric; or, for a plain number rather than a difference, the interval of a
            mean (:func:`bench.stats.crossed.crossed_difference` of one system's scores).
        digits: that were printed. Each of the two numbers may be half a unit of the last one off.
        margin: the largest difference that does not matter, if one was declared before the run.
    """
    if ours is None or not (math.isfinite(ours.low) and math.isfinite(ours.high)):
        return AgainstPublished(published, ours.delta if ours else None, None, None, "not tested", False, False)
    rounding = 10.0**-digits + 1e-12
    half = (ours.high - ours.low) / 2
    compatible = abs(ours.delta - published) <= math.sqrt(2) * half + rounding
    conclusive = ours.low > 0 or ours.high < 0
    verdict: PublishedVerdict
    if not conclusive or abs(published) <= rounding:
        verdict = "inconclusive" if compatible else "published size excluded, sign not established"
    elif ours.delta * published < 0:
        verdict = "opposite sign"
    elif compatible:
        imprecise = half > abs(published) / 2
        verdict = "same sign, size too imprecise" if imprecise else "same sign, compatible size"
    else:
        verdict = "same sign, smaller" if abs(ours.delta) < abs(published) else "same sign, larger"
    within = margin if margin is not None and equivalence(ours, margin).p < 0.05 else None
    return AgainstPublished(published, ours.delta, ours.low, ours.high, verdict, compatible, conclusive, within)
