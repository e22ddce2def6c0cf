"""An error is one line with place and remedy; a misspelt name is answered with near ones."""

from __future__ import annotations

import pytest

from bench.errors import BenchError, did_you_mean


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (BenchError("is wrong"), "is wrong"),
        (BenchError("is wrong", where="a.csv, row 2"), "a.csv, row 2: is wrong"),
        (BenchError("is wrong", where="a.csv", fix="mend it"), "a.csv: is wrong (mend it)"),
        (BenchError("is\n  very\twrong", fix="mend\nit"), "is very wrong (mend it)"),
    ],
)
def test_an_error_is_one_line(error: BenchError, line: str) -> None:
    assert str(error) == line


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("muvcog-x", "did you mean muvcog-t or muvcog-m?"),
        ("lstn", "did you mean lstm?"),
        ("zzz", "known: lstm, muvcog-m, muvcog-t"),
    ],
)
def test_near_names_are_suggested(name: str, answer: str) -> None:
    assert did_you_mean(name, {"muvcog-t", "lstm", "muvcog-m"}) == answer


def test_nothing_known_is_said_too() -> None:
    assert did_you_mean("x", []) == "none is known"
