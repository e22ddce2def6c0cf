"""The gate lets nothing pass but the same numbers: worse, better, missing and new all fail."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.stats.regression import Likeness, Number, RegressionRow, compare_tables, mean_ndcg

PLACE = ("table 2", "alstp lstm", "ndcg@10")


def row(
    golden: Number | None, now: Number | None, likeness: Likeness = "same", column: str = "ndcg@10"
) -> RegressionRow:
    tables = [{} if number is None else {(*PLACE[:2], column): number} for number in (golden, now)]
    (found,) = compare_tables(*tables, likeness)
    return found


@pytest.mark.parametrize(
    ("change", "verdict"),
    [(0.0, "same"), (9e-7, "same"), (-9e-7, "same"), (1e-6, "same"), (2e-6, "better"), (-2e-6, "worse")],
)
def test_on_one_machine_a_millionth(change: float, verdict: str) -> None:
    found = row(Number(0.3, 0.1), Number(0.3 + change, 0.1))
    assert (found.verdict, found.passed) == (verdict, verdict == "same")


@pytest.mark.parametrize(
    ("column", "allowed"),
    [("ndcg@10", 0.002), ("mrr@10", 0.004), ("hr@10", 0.006), ("accuracy", 0.015), ("f1", 0.015), ("avg_sim", 0.015)],
)
def test_with_other_instructions_by_the_metric(column: str, allowed: float) -> None:
    for error in (None, 0.1, math.nan):  # deviations over seeds have nothing to do with rounding
        for change, verdict in (
            (allowed, "same"),
            (-allowed, "same"),
            (allowed * 1.01, "better"),
            (-allowed * 1.01, "worse"),
        ):
            assert row(Number(0.3, error), Number(0.3 + change), "other instructions", column).verdict == verdict
    assert row(Number(0.3, 0.01), Number(0.295), "other instructions").verdict == "worse", "it used to pass"


def test_with_other_instructions_the_mean_of_all_ndcg_may_hardly_move() -> None:
    golden = {("t", str(i), "ndcg@10"): Number(0.3) for i in range(4)} | {("t", "0", "hr@10"): Number(0.5)}
    rounding = {place: Number(number.value + (-1) ** i * 0.0015) for i, (place, number) in enumerate(golden.items())}
    mistake = {place: Number(number.value + 0.0005) for place, number in golden.items()}
    for now, verdict in ((rounding, "same"), (mistake, "better")):
        rows = compare_tables(golden, now, "other instructions")
        assert {r.verdict for r in rows} == {"same"}
        whole = mean_ndcg(rows)
        assert whole is not None
        assert (whole.verdict, whole.row) == (verdict, "mean of 4")
    assert mean_ndcg(compare_tables({("t", "0", "hr@10"): Number(0.5)}, {}, "other instructions")) is None


def test_with_other_versions_what_moved_is_reported_and_not_judged() -> None:
    assert row(Number(0.3), Number(0.3), "other versions").verdict == "same"
    found = row(Number(0.3), Number(0.5), "other versions")
    assert (found.verdict, found.passed) == ("not judged", True)
    assert not row(Number(0.3), None, "other versions").passed
    assert not row(None, Number(0.3), "other versions").passed


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
    rows = compare_tables(golden, now, "same")
    assert [(r.row, r.verdict) for r in rows] == [("b", "better"), ("a", "same"), ("new", "new")]
    assert rows[0].as_dict() == {
        "table": "t", "row": "b", "column": "x", "golden": 0.1, "now": 0.3, "verdict": "better",
    }  # fmt: skip


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 0.1), st.sampled_from(["same", "other instructions"]))
def test_same_goes_both_ways_and_better_mirrors_worse(a: float, b: float, error: float, likeness: Likeness) -> None:
    one, other = row(Number(a, error), Number(b), likeness), row(Number(b, error), Number(a), likeness)
    mirror = {"same": "same", "better": "worse", "worse": "better"}
    assert one.verdict == mirror[other.verdict]
    assert one.passed == (abs(a - b) <= one.tolerance + 1e-12)
