"""Two result tables side by side, for the gate that notices when a number changes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Likeness = Literal["same", "other instructions", "other versions"]
"""How two tables were computed: with the same instructions, with others, or with other libraries."""

Verdict = Literal["same", "better", "worse", "missing", "new", "not judged"]

EXACT = 1e-6
"""Between processors with the same instructions: of 116 numbers none moved by more than 5e-10."""

TOLERANCES = {"ndcg": 0.002, "mrr": 0.004, "hr": 0.006}
"""Between others, by the beginning of a column. Measured against the oldest instructions everywhere, an extreme: NDCG
moved by 8e-4 at most, MRR by 2e-3, HR by 4e-3."""
TOLERANCE = 0.015
"""Of any other column, such as accuracy, which moved by 0.015 at most: a few sessions of a small test set."""

MEAN_NDCG = 0.0003
"""Of the mean over all NDCG of the gate: rounding moves numbers up and down, a mistake moves them one way."""

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
            number, ``missing`` where the other does; ``not judged`` where it moved with the versions of libraries.
    """

    table: str
    row: str
    column: str
    golden: float | None
    now: float | None
    tolerance: float
    verdict: Verdict

    @property
    def passed(self) -> bool:
        """Whether the gate lets it pass: an improvement that nobody expected is a change too, and fails."""
        return self.verdict in ("same", "not judged")

    def as_dict(self) -> dict[str, Any]:
        """One row of ``bench check --json``."""
        row = asdict(self)
        del row["tolerance"]
        return row


def compare_tables(
    golden: Mapping[Place, Number], now: Mapping[Place, Number], likeness: Likeness
) -> list[RegressionRow]:
    """A row per cell of either table, in the order of the golden one, new cells last.

    Args:
        golden: what was committed.
        now: what came out.
        likeness: ``same`` compares to :data:`EXACT`, ``other instructions`` to :data:`TOLERANCES`. With ``other
            versions`` what moved is reported and not judged, though what is missing or new fails still.
    """
    rows = []
    for place in dict.fromkeys([*golden, *now]):
        before, after = _value(golden.get(place)), _value(now.get(place))
        tolerance = _tolerance(place[2]) if likeness == "other instructions" else EXACT
        verdict = _verdict(before, after, tolerance)
        if likeness == "other versions" and verdict in ("better", "worse"):
            verdict = "not judged"
        rows.append(RegressionRow(*place, before, after, tolerance, verdict))
    return rows


def mean_ndcg(rows: Sequence[RegressionRow]) -> RegressionRow | None:
    """The mean over all NDCG that two machines with other instructions both have; None without any."""
    pairs = [(r.golden, r.now) for r in rows if r.column.startswith("ndcg")]
    known = [(before, after) for before, after in pairs if before is not None and after is not None]
    if not known:
        return None
    before, after = (math.fsum(values) / len(known) for values in zip(*known, strict=True))
    return RegressionRow(
        "gate", f"mean of {len(known)}", "ndcg", before, after, MEAN_NDCG, _verdict(before, after, MEAN_NDCG)
    )


def _tolerance(column: str) -> float:
    return next((allowed for start, allowed in TOLERANCES.items() if column.startswith(start)), TOLERANCE)


def _value(number: Number | None) -> float | None:
    return None if number is None or number.value is None or not math.isfinite(number.value) else number.value


def _verdict(before: float | None, after: float | None, tolerance: float) -> Verdict:
    if after is None:
        return "missing"
    if before is None:
        return "new"
    if abs(after - before) <= tolerance + 1e-12:
        return "same"
    return "better" if after > before else "worse"
