"""The line under a table with p-values: what its design could have found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bench.stats.outcome import Outcome
from bench.stats.power import Smallest, smallest_of
from bench.stats.rounding import decimals


def power_line(contrasts: Sequence[tuple[str, Smallest]]) -> str:
    """The smallest difference found with 80 % power, at the median and at the largest of a family's contrasts.

    The largest is the contrast that the design serves worst; for that one the line says what limits it.

    Args:
        contrasts: names, such as ``lstm − vanilla``, and what the design finds of each. Those without variance over
            seeds are none of them.

    Returns:
        the line; empty without a contrast.
    """
    if not contrasts:
        return ""
    ordered = sorted(contrasts, key=lambda contrast: contrast[1].found)
    (middle, median), (name, worst) = ordered[(len(ordered) - 1) // 2], ordered[-1]
    start = "Smallest difference found with 80 % power at 5 %, two-sided and uncorrected: "
    if len(ordered) == 1:
        start += f"{_written(worst.found)} ({name})"
    else:
        start += (
            f"{_written(median.found)} ({middle}, the median of {len(ordered)} contrasts), {_written(worst.found)} "
            f"({name}, the largest)"
        )
    never = f"more users alone never reach {_written(worst.with_any_users)}, " if worst.with_any_users > 0 else ""
    return f"{start}. There {worst.limit} limit it: {never}twice the seeds {_written(worst.with_twice_the_seeds)}."


def power_of(outcomes: Iterable[Outcome], label: Callable[[str], str] = str) -> str:
    """The line of tested hypotheses; ``label`` gives the printed names."""
    contrasts = []
    for outcome in outcomes:
        smallest = smallest_of(outcome.difference) if outcome.difference is not None else None
        if smallest is not None:
            h = outcome.hypothesis
            name = f"{label(h.dataset)}, {label(h.baseline)}: {label(h.encoder)} − {label(h.reference)}"
            contrasts.append((name, smallest))
    return power_line(contrasts)


def _written(smallest: float) -> str:
    return f"{smallest:.{decimals(smallest / 4)}f}"
