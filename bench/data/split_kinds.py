"""The kinds of splits, by name. It imports no numpy: options name them before anything is loaded."""

from __future__ import annotations

from typing import Literal, get_args

SplitKind = Literal["random", "time", "user"]
"""How sessions come into training, validation and test; see :mod:`bench.data.splits` and :mod:`bench.data.held_out`.

``random``, by session, is the paper's, and that of a corpus that says nothing. ``time``: training ends before
validation begins, and validation before test. ``user``: no user has sessions in two splits.
"""

SPLIT_KINDS: tuple[SplitKind, ...] = get_args(SplitKind)


def left_out_caveats(kind: SplitKind, sessions: int) -> tuple[str, ...]:
    """What every table of a corpus of this split says under it, where ``sessions`` were left out."""
    if kind != "time" or not sessions:
        return ()
    return (f"split by time: {sessions:,} sessions that reach into the period of the next split are left out",)
