"""Options that make no sense are one clear error, and listing them is cheap."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.datasets.simulated import DEFAULTS, make
from bench.datasets.simulated.options import resolve
from bench.errors import BenchError


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sessions": 0}, "beauty: sessions must be from 100 to 100,000,000, not 0"),
        ({"sessions": 10.0}, "not a whole number"),
        ({"sessions": True}, "not a whole number"),
        ({"sessions": 1000}, "downstream = 4000 is more than sessions = 1000"),
        ({"downstream": 0}, "beauty: downstream must"),
        ({"shown": 5}, "shown must be from 10 to 500, not 5"),
        ({"seed": -1}, "beauty: seed must"),
        ({"drift": 1.5}, "beauty: drift must"),
        ({"noise": -0.1}, "beauty: noise must"),
        ({"item_signal": float("nan")}, "beauty: item_signal: nan is not a number"),
        ({"item_signal": "high"}, "'high' is not a number"),
        ({"gap": 1.5}, "beauty: gap must be world or a number from 0 to 1, not 1.5"),
        ({"world": 3}, "beauty: world"),
        ({"test_share": 0.9, "valid_share": 0.1}, "leaves too little to train on"),
        ({"visual_signl": 0}, "did you mean visual_signal"),
    ],
)
def test_a_bad_option_is_an_error_that_names_it(tmp_path: Path, options: dict[str, Any], says: str) -> None:
    with pytest.raises(BenchError, match=says):
        make(tmp_path / "corpus", name="beauty", **options)
    assert not list(tmp_path.iterdir())


def test_an_unknown_name_gets_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="did you mean beauty"):
        make(tmp_path / "corpus", name="beuty")


def test_a_sample_without_a_test_session_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="lacks a session"):
        make(tmp_path / "corpus", name="beauty", sessions=200, downstream=2)


def test_a_whole_number_is_as_good_as_a_decimal_one() -> None:
    assert resolve("beauty", {"item_signal": 0}) == resolve("beauty", {"item_signal": 0.0})
    assert isinstance(resolve("beauty", {"item_signal": 0}).item_signal, float)


def test_defaults_are_resolvable_and_importing_them_is_cheap() -> None:
    assert resolve("clothes", DEFAULTS) == resolve("clothes", {})
    code = (
        "import sys, bench.datasets.simulated, bench.data.published;"
        "print({'numpy', 'pyarrow', 'scipy', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
