"""The gate lets nothing pass but the same numbers: worse, better, missing and new all fail."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.stats.regression import Number, RegressionRow, compare_tables

PLACE = ("table 2", "alstp lstm", "ndcg@10")


def row(golden: Number | None, now: Number | None, same_machine: bool = True) -> RegressionRow:
    tables = [{} if number is None else {PLACE: number} for number in (golden, now)]
    (found,) = compare_tables(*tables, same_machine)
    return found


@pytest.mark.parametrize(
    ("change", "verdict"),
    [(0.0, "same"), (9e-7, "same"), (-9e-7, "same"), (1e-6, "same"), (2e-6, "better"), (-2e-6, "worse")],
)
def test_on_one_machine_a_millionth(change: float, verdict: str) -> None:
    found = row(Number(0.3, 0.1), Number(0.3 + change, 0.1))
    assert (found.verdict, found.passed) == (verdict, verdict == "same")


@pytest.mark.parametrize(
    ("error", "change", "verdict"),
    [
        (0.002, 0.006, "same"),
        (0.002, -0.0061, "worse"),
        (0.002, 0.0061, "better"),
        (0.0001, 0.001, "same"),
        (0.0001, 0.0011, "better"),
        (None, -0.001, "same"),
        (None, -0.0011, "worse"),
        (0.0, 0.0011, "better"),
        (math.nan, 0.0011, "better"),
    ],
)
def test_across_machines_three_standard_errors_or_a_thousandth(
    error: float | None, change: float, verdict: str
) -> None:
    assert row(Number(0.3, error), Number(0.3 + change, 9.0), same_machine=False).verdict == verdict


@pytest.mark.parametrize(
    ("golden", "now", "verdict"),
    [
        (Number(0.3), None, "missing"),
        (Number(0.3), Number(None), "missing"),
        (Number(0.3), Number(math.nan), "missing"),
        (Number(None), Number(None), "missing"),
        (None, Number(0.3), "new"),
        (Number(None), Number(0.3), "new"),
    ],
)
def test_a_number_that_came_or_went_fails(golden: Number | None, now: Number | None, verdict: str) -> None:
    found = row(golden, now)
    assert (found.verdict, found.passed) == (verdict, False)


def test_rows_come_in_the_golden_order_with_new_ones_last_and_as_flat_json() -> None:
    golden = {("t", "b", "x"): Number(0.1), ("t", "a", "x"): Number(0.2)}
    now = {("t", "new", "x"): Number(0.4), ("t", "a", "x"): Number(0.2), ("t", "b", "x"): Number(0.3)}
    rows = compare_tables(golden, now, same_machine=True)
    assert [(r.row, r.verdict) for r in rows] == [("b", "better"), ("a", "same"), ("new", "new")]
    assert rows[0].as_dict() == {
        "table": "t", "row": "b", "column": "x", "golden": 0.1, "now": 0.3, "verdict": "better",
    }  # fmt: skip


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 0.1), st.booleans())
def test_same_goes_both_ways_and_better_mirrors_worse(a: float, b: float, error: float, same_machine: bool) -> None:
    one, other = row(Number(a, error), Number(b), same_machine), row(Number(b, error), Number(a), same_machine)
    mirror = {"same": "same", "better": "worse", "worse": "better"}
    assert one.verdict == mirror[other.verdict]
    assert one.passed == (abs(a - b) <= one.tolerance + 1e-12)
