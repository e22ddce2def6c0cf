"""How much faster a dropout's mask is drawn than by torch, in one run, on one thread.

``pytest tests/benchmarks/test_dropout_speed.py --benchmark-json=FILE`` records the ratio; it is not asserted.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch

from bench.kernels.dropout_draws import kept_entries

pytestmark = pytest.mark.slow
SHAPE, SHARE, ROUNDS = (768, 32), 0.2, 500  # the candidates of a step of TranSearch, and its hidden layer


def test_a_mask(benchmark: Any) -> None:
    theirs: list[float] = []

    def in_turn() -> None:
        started = time.perf_counter()
        assert (torch.rand(SHAPE, dtype=torch.float64) < 1 - SHARE).dtype == torch.bool
        theirs.append(time.perf_counter() - started)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        benchmark.pedantic(kept_entries, args=(SHAPE, SHARE), setup=in_turn, rounds=ROUNDS, warmup_rounds=5)
    finally:
        torch.set_num_threads(threads)
    benchmark.extra_info["ratio"] = min(theirs) / benchmark.stats.stats.min
