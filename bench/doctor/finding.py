"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "warning", "broken"]
"""A ``note`` is worth knowing and nothing is wrong; a ``warning`` makes things slow or unsafe; ``broken`` is broken."""


@dataclass(frozen=True)
class Finding:
    """What was found, and what to do about it.

    Attributes:
        area: what was looked at, such as ``processors``.
        state: how bad it is.
        what: one line.
        fix: what to do, empty where nothing is to be done.
    """

    area: str
    state: State
    what: str
    fix: str = ""
