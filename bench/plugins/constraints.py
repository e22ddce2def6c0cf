"""Constraints on an option's values; they stand in ``Annotated``, such as ``Annotated[int, AtLeast(1)]``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol


class Constraint(Protocol):
    """What a value must satisfy beyond its type; its text completes "must be …"."""

    def holds(self, value: Any) -> bool:
        """Whether ``value``, which has the declared type, satisfies it."""
        ...


@dataclass(frozen=True)
class AtLeast:
    """``value >= low``."""

    low: float

    def holds(self, value: float) -> bool:
        return value >= self.low

    def __str__(self) -> str:
        return f"at least {self.low:,}"


@dataclass(frozen=True)
class Above:
    """``value > low``."""

    low: float

    def holds(self, value: float) -> bool:
        return value > self.low

    def __str__(self) -> str:
        return f"above {self.low:,}"


@dataclass(frozen=True)
class AtMost:
    """``value <= high``."""

    high: float

    def holds(self, value: float) -> bool:
        return value <= self.high

    def __str__(self) -> str:
        return f"at most {self.high:,}"


@dataclass(frozen=True)
class Below:
    """``value < high``."""

    high: float

    def holds(self, value: float) -> bool:
        return value < self.high

    def __str__(self) -> str:
        return f"below {self.high:,}"


@dataclass(frozen=True)
class Between:
    """``low <= value <= high``."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"from {self.low:,} to {self.high:,}"


@dataclass(frozen=True)
class OrInfinite:
    """Infinity is a value, too."""

    def holds(self, value: float) -> bool:
        return True

    def __str__(self) -> str:
        return "possibly infinite"


@dataclass(frozen=True)
class Matching:
    """The whole text matches a regular expression; ``such_as`` is an example for people."""

    pattern: str
    such_as: str

    def holds(self, value: str) -> bool:
        return re.fullmatch(self.pattern, value) is not None

    def __str__(self) -> str:
        return f"written like {self.such_as}"
