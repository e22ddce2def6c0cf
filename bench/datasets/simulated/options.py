"""The options of the simulated datasets: their defaults, and what values make sense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bench.data.published import PUBLISHED
from bench.errors import BenchError, did_you_mean


@dataclass(frozen=True)
class Options:
    """Options of a simulated corpus.

    Attributes:
        sessions: number of sessions, at least 100.
        downstream: how many of them, drawn at random, list every shown item; the others list clicked items only.
        shown: results per query.
        seed: a corpus is a function of its name and its options, and of nothing else.
        test_share, valid_share: shares of all sessions.
        text_signal, visual_signal: weight of the textual and of the visual intent in a click.
        user_signal, item_signal, position_signal: weight of the user's taste, the item's quality, the rank.
        noise: scale of the Gumbel noise of a click; 1 is Plackett–Luce, 0 always clicks the best.
        drift: how far the intent moves in a step: its correlation with the next one is sqrt(1 - drift²).
    """

    sessions: int = 40_000
    downstream: int = 4_000
    shown: int = 40
    seed: int = 1
    test_share: float = 0.2
    valid_share: float = 0.1
    text_signal: float = 2.0
    visual_signal: float = 2.0
    user_signal: float = 0.5
    item_signal: float = 0.5
    position_signal: float = 0.25
    noise: float = 1.0
    drift: float = 0.15


DEFAULTS: dict[str, Any] = asdict(Options())
"""Every option with its default."""

_RANGES: dict[str, tuple[float, float]] = {
    "sessions": (100, 100_000_000),
    "downstream": (1, 100_000_000),
    "shown": (10, 500),
    "seed": (0, 2**63 - 1),
    "test_share": (0.01, 0.9),
    "valid_share": (0.01, 0.9),
    "text_signal": (0, 10),
    "visual_signal": (0, 10),
    "user_signal": (0, 10),
    "item_signal": (0, 10),
    "position_signal": (0, 10),
    "noise": (0, 10),
    "drift": (0, 1),
}


def resolve(name: str, given: Mapping[str, Any]) -> Options:
    """The options of dataset ``name``, defaults filled in.

    Raises:
        BenchError: an unknown dataset or option, a wrong type, a value out of range, or values that don't go together.
    """
    if name not in PUBLISHED:
        raise BenchError(f"no simulated dataset {name!r}", fix=did_you_mean(name, PUBLISHED))
    values = dict(DEFAULTS)
    for key, value in given.items():
        if key not in DEFAULTS:
            raise BenchError(f"unknown option {key!r}", where=name, fix=did_you_mean(key, DEFAULTS))
        values[key] = _checked(name, key, value)
    options = Options(**values)
    if options.downstream > options.sessions:
        raise BenchError(
            f"downstream = {options.downstream} is more than sessions = {options.sessions}",
            where=f"{name}.downstream",
            fix="lower downstream or raise sessions",
        )
    if options.test_share + options.valid_share > 0.95:
        raise BenchError(
            f"test_share + valid_share = {options.test_share + options.valid_share:g} leaves too little to train on",
            where=f"{name}.test_share",
            fix="make them add up to 0.95 at most",
        )
    return options


def _checked(name: str, key: str, value: Any) -> int | float:
    where, whole = f"{name}.{key}", isinstance(DEFAULTS[key], int)
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise BenchError(f"{value!r} is not a {'whole number' if whole else 'number'}", where=where, fix="give one")
    low, high = _RANGES[key]
    if not low <= value <= high:  # also false for nan
        raise BenchError(f"{value} is out of range", where=where, fix=f"choose from {low:,} to {high:,}")
    return value if whole else float(value)
