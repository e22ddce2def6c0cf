"""Our intervals beside published numbers. Never a test against a printed mean: it comes without its own error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from bench.stats.crossed import Difference

PublishedVerdict = Literal["reproduced", "undecided", "direction only", "no", "not tested"]


@dataclass(frozen=True)
class AgainstPublished:
    """A published difference beside ours.

    Attributes:
        published: the difference of two printed numbers.
        delta, low, high: ours.
        verdict: ``reproduced`` where our interval holds the published number, but ``undecided`` where it holds 0 as
            well: such data would have "reproduced" no difference just as well, or one of the other sign. Else
            ``direction only`` where ours has the same sign; else ``no``. ``not tested`` without a difference or without
            an interval.
        conclusive: our interval leaves out 0, so that the sign is more than chance.
    """

    published: float
    delta: float | None
    low: float | None
    high: float | None
    verdict: PublishedVerdict
    conclusive: bool


def against_published(published: float, ours: Difference | None, digits: int = 4) -> AgainstPublished:
    """Compares our difference with the published one.

    Args:
        published: encoder's printed number minus the reference's.
        ours: on the same task, baseline and metric; or, for a plain number rather than a difference, the interval of a
            mean (:func:`bench.stats.crossed.crossed_difference` of one system's scores).
        digits: that were printed. Each of the two numbers may be half a unit of the last one off.
    """
    if ours is None or not (math.isfinite(ours.low) and math.isfinite(ours.high)):
        return AgainstPublished(published, ours.delta if ours else None, None, None, "not tested", False)
    rounding = 10.0**-digits + 1e-12
    conclusive = ours.low > 0 or ours.high < 0
    verdict: PublishedVerdict
    if ours.low - rounding <= published <= ours.high + rounding:
        verdict = "reproduced" if conclusive or abs(published) <= rounding else "undecided"
    elif ours.delta * published > 0:
        verdict = "direction only"
    else:
        verdict = "no"
    return AgainstPublished(published, ours.delta, ours.low, ours.high, verdict, conclusive)
