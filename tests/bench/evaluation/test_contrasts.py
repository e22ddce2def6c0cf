"""A contrast says of a difference what its test says, and nothing where there are too few seeds or none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from run_rows import BROKEN, GOOD, ROW, WEAK

from bench.evaluation.contrasts import contrasts

CHAMPION = replace(
    GOOD, strongest="weak", strongest_delta=-0.02, strongest_ci_low=-0.03, strongest_ci_high=-0.01,
    strongest_p=0.001, strongest_p_adjusted=0.004,
)  # fmt: skip


def test_every_encoder_has_its_contrasts_and_the_reference_none() -> None:
    found = list(contrasts([ROW, CHAMPION, WEAK, BROKEN]))
    assert [(one.encoder, one.minus, one.reading) for one in found] == [
        ("good", "vanilla", "better"),
        ("good", "weak", "worse"),
        ("weak", "vanilla", "not told apart"),
        ("broken", "vanilla", "not tested"),
    ]
    assert (found[0].delta, found[0].ci_low, found[0].p_adjusted) == (0.1, 0.08, 2e-6)
    assert (found[1].delta, found[1].ci_high, found[1].p) == (-0.02, -0.01, 0.001)


@pytest.mark.parametrize("fields", [{"seeds": 4}, {"seeds": 12, "n_corpora": 4}])
def test_below_five_replicates_nothing_is_better(fields: dict[str, int]) -> None:
    (one,) = contrasts([replace(GOOD, **fields)])
    assert one.reading == "too few seeds to say"
