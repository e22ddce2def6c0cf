"""Numbers have no more digits than is known and no fewer, by one rule in every table, figure and claim."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.stats.rounding import decimals, decimals_of_interval, written_interval, written_mean, written_p


@pytest.mark.parametrize(
    ("uncertainty", "places"),
    [
        (0.0052, 3),
        (0.00949, 3),
        (0.0096, 3),
        (0.014, 3),
        (0.0149, 3),
        (0.0151, 2),
        (0.3, 1),
        (1.0, 1),
        (25.0, 0),
        (0.001, 4),
        (0.00003, 5),
    ],
)
def test_decimals_go_down_to_the_first_digit_that_is_uncertain(uncertainty: float, places: int) -> None:
    assert decimals(uncertainty) == places


@pytest.mark.parametrize("uncertainty", [None, 0.0, 1e-17, float("nan"), float("inf")])
def test_an_unknown_uncertainty_leaves_three_decimals(uncertainty: float | None) -> None:
    assert decimals(uncertainty) == 3


@given(st.floats(1e-6, 9.4))
def test_the_last_digit_is_between_a_sixteenth_of_the_uncertainty_and_all_of_it(uncertainty: float) -> None:
    unit = 10.0 ** -decimals(uncertainty)
    assert uncertainty / 16 < unit < uncertainty * 1.06


@given(st.floats(1e-6, 9.0), st.floats(0, 1), st.floats(0, 0.5))
def test_a_deviation_is_never_printed_as_0(deviation: float, mean: float, error: float) -> None:
    """It stood as ± 0.00 in one cell of six while the digits were those of the users' error, which is larger."""
    printed = float(written_mean(mean, deviation, error).partition(" ± ")[2])
    assert printed == pytest.approx(deviation, rel=0.34)


def test_a_cell_is_written_with_its_deviation() -> None:
    assert written_mean(0.27466, 0.00525, 0.0261) == "0.275 ± 0.005"
    assert written_mean(0.27466, 0.0096) == "0.275 ± 0.010"
    assert written_mean(0.27466, 0.0231) == "0.27 ± 0.02"
    assert written_mean(0.27466, None, 0.03) == "0.27"
    assert written_mean(0.27466, None) == "0.275"
    assert written_mean(0.5, 0.0) == "0.500 ± 0"
    assert written_mean(0.5, 1e-17, 0.03) == "0.50 ± 0"


def test_a_difference_is_written_with_its_interval() -> None:
    assert written_interval(0.03121, 0.0252, 0.0373, "†") == "+0.031† [+0.025, +0.037]"
    assert written_interval(-0.05, -0.15, 0.05) == "-0.05 [-0.15, +0.05]"
    assert written_interval(0.0, 0.0, 0.0) == "+0.000 [+0.000, +0.000]"
    assert written_interval(0.0312, None, None) == "+0.031"
    assert written_interval(0.0312, -math.inf, math.inf, "†") == "+0.031†"
    assert decimals_of_interval(0.0252, 0.0373) == 3


def test_a_p_value_is_never_written_as_0() -> None:
    assert [written_p(p) for p in (1e-300, 9.9e-5, 0.01374, 1.0, None)] == [
        "< 0.0001",
        "< 0.0001",
        "0.0137",
        "1.0000",
        "",
    ]
