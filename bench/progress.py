"""How long work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""A function of (done, total)."""


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""
