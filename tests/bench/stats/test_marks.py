"""A dagger says what the test says, and no more."""

from __future__ import annotations

from bench.stats.marks import dagger


def test_dagger_is_for_significance_after_holm() -> None:
    assert [dagger(p, 5) for p in (0.049, 0.05, 1.0, None)] == ["†", "", "", ""]
    assert dagger(0.02, 5, level=0.01) == ""


def test_fewer_than_five_seeds_mark_nothing() -> None:
    assert [dagger(0.0001, seeds) for seeds in (1, 2, 3, 4, 5, 10)] == ["", "", "", "", "†", "†"]
