"""A dozen runs in one process leave nothing behind; and what says so notices a leak."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from soak import State, forked_workers, grown, soak


@pytest.mark.slow
def test_a_dozen_runs_hold_no_more_than_the_first_ones(tmp_path: Path) -> None:
    """``python -m tests.soak --minutes 30`` does it for longer."""
    with forked_workers():
        states = soak(tmp_path, lambda number: number < 12, every=0)
    assert len(states) == 12
    assert [line for line in grown(states) if "memory" not in line] == []
    late = [state.memory for state in states[6:]]
    assert max(late) - min(late) < 40_000, "kB; a dozen repetitions say no more of memory"
    assert all(state.left == 0 for state in states)


def test_a_leak_is_noticed_and_noise_is_none() -> None:
    noise = np.random.default_rng(0).normal(0, 2_000, 100)
    flat = [State(int(300_000 + kb), 12, 4, 1) for kb in noise]
    assert grown(flat) == []
    leaking = [replace(state, memory=state.memory + 300 * number) for number, state in enumerate(flat)]
    assert [line.split(" by ")[0] for line in grown(leaking)] == ["memory grows"]
    for name in ("files", "threads", "children", "left"):
        more = [replace(state, **{name: getattr(state, name) + number // 20}) for number, state in enumerate(flat)]
        assert [line.split(" grow ")[0] for line in grown(more)] == [name]
    early = [replace(state, memory=state.memory + 50_000 * min(number, 20)) for number, state in enumerate(flat)]
    assert grown(early) == [], "what libraries take when they are first used"
