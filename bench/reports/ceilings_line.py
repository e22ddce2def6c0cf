"""The sentence below a simulated table that says how much of what there was to gain an encoder took.

A session encoder reads the prefix, so that the ceiling of what it can add is ``best-prefix``: a ranker that knows the
items and has the best linear reader of the session. What a baseline lacks of it without a session vector was there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.plugins.specs import REFERENCE
from bench.stats.rounding import written_mean

CEILING, CHANCE, SHOWN = "best-prefix", "chance", "shown-order"


def taken_lines(
    means: Mapping[tuple[str, str], float], metric: str, label: Callable[[str], str] = lambda name: name
) -> list[str]:
    """A sentence per baseline; none where the table has no ceiling.

    Args:
        means: the mean of the primary metric by (baseline, encoder), references with ``vanilla``.
        metric: its name.
        label: what a table calls a baseline or an encoder.
    """
    ceiling = means.get((CEILING, REFERENCE))
    if ceiling is None:
        return []
    floors = [f"{name} {_level(means[name, REFERENCE])}" for name in (CHANCE, SHOWN) if (name, REFERENCE) in means]
    beside = f" ({', '.join(floors)})" if floors else ""
    lines = []
    for baseline in dict.fromkeys(baseline for baseline, _ in means):
        encoders = {encoder: mean for (of, encoder), mean in means.items() if of == baseline and encoder != REFERENCE}
        start = means.get((baseline, REFERENCE))
        if start is None or not encoders:
            continue
        scale = f"from {label(REFERENCE)}'s {_level(start)} to {_level(ceiling)} of {CEILING}{beside}"
        if ceiling <= start:
            lines.append(f"{label(baseline)}: nothing was there to gain for a linear reader: {scale}.")
            continue
        shares = [f"{label(name)} {100 * (mean - start) / (ceiling - start):.0f} %" for name, mean in encoders.items()]
        lines.append(
            f"{label(baseline)}: of the {_level(ceiling - start)} {metric.upper()} that the session had to give, "
            f"{scale}, {', '.join(shares)} came out."
        )
    return lines


def _level(mean: float) -> str:
    return written_mean(mean, None)
