"""Waits for what other processes do, and fails where it does not come: a test that waits for ever says nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 120.0
"""Seconds: many times what anything that is waited for takes, on a slow machine with other work to do."""


def until(
    what: Callable[[], object],
    alive: Callable[[], bool] = lambda: True,
    seconds: float = PATIENCE,
    why: str = "it did not come",
) -> None:
    """Waits until it is so.

    Args:
        what: whether it is.
        alive: whether it can still come; whoever would do it may have ended without.
        seconds: how long at most.
        why: what is wrong where it does not come in time.
    """
    end = time.monotonic() + seconds
    while not what():
        lives = alive()
        if not lives and what():  # it was the last that they did
            return
        assert lives, "whoever was to do it has ended"
        assert time.monotonic() < end, f"{why}, after {seconds:.0f} seconds"
        time.sleep(0.02)
