"""Two result tables side by side, for the gate that notices when a number changes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Place = tuple[str, str, str]
"""A number's table, row and column."""


@dataclass(frozen=True)
class Number:
    """A cell of a table: its value, None where the cell failed, and its standard error over seeds, None with one."""

    value: float | None
    error: float | None = None


@dataclass(frozen=True)
class RegressionRow:
    """A cell of either table.

    Attributes:
        table, row, column: where.
        golden, now: the values.
        tolerance: how far they may be apart.
        verdict: ``same``; ``better`` and ``worse``, higher being better; ``new`` where only the golden table lacks a
            number, ``missing`` where the other does.
    """

    table: str
    row: str
    column: str
    golden: float | None
    now: float | None
    tolerance: float
    verdict: Literal["same", "better", "worse", "missing", "new"]

    @property
    def passed(self) -> bool:
        """Whether the gate lets it pass: an improvement that nobody expected is a change too, and fails."""
        return self.verdict == "same"

    def as_dict(self) -> dict[str, Any]:
        """One row of ``bench check --json``."""
        row = asdict(self)
        del row["tolerance"]
        return row


def compare_tables(
    golden: Mapping[Place, Number], now: Mapping[Place, Number], same_machine: bool
) -> list[RegressionRow]:
    """A row per cell of either table, in the order of the golden one, new cells last.

    Args:
        golden: what was committed.
        now: what came out.
        same_machine: deterministic, to 1e-6. Otherwise (another machine, a GPU) to the larger of 0.001 and three of the
            golden number's standard errors.
    """
    rows = []
    for place in dict.fromkeys([*golden, *now]):
        before, after = _value(golden.get(place)), _value(now.get(place))
        error = golden[place].error if place in golden else None
        tolerance = 1e-6 if same_machine else max(3 * error, 1e-3) if error and math.isfinite(error) else 1e-3
        rows.append(RegressionRow(*place, before, after, tolerance, _verdict(before, after, tolerance)))
    return rows


def _value(number: Number | None) -> float | None:
    return None if number is None or number.value is None or not math.isfinite(number.value) else number.value


def _verdict(
    before: float | None, after: float | None, tolerance: float
) -> Literal["same", "better", "worse", "missing", "new"]:
    if after is None:
        return "missing"
    if before is None:
        return "new"
    if abs(after - before) <= tolerance + 1e-12:
        return "same"
    return "better" if after > before else "worse"
