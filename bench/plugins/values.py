"""The types that an option may have, and how a value is read as one of them."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bench.plugins.constraints import Constraint, OrInfinite

KINDS: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
"""The types, from the narrowest to the one that every text is, and what people call them."""

LONGEST_TEXT = 4_096
"""Characters of an option that is text: as many as of a path."""

_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True)
class Values:
    """One of the types that an option may have: its values are ``choices``, or all of ``kind`` that satisfy the
    constraints.
    """

    kind: type
    choices: tuple[Any, ...] = ()
    constraints: tuple[Constraint, ...] = ()

    def __str__(self) -> str:
        if self.choices:
            return _either([typed_as(choice) for choice in self.choices])
        return " ".join([KINDS[self.kind], " and ".join(map(str, self.constraints))]).strip()

    def typed(self, value: object) -> Any:
        """The value in this type, whether or not it is allowed.

        Raises:
            ValueError: it is of another type.
        """
        if self.choices:
            for choice in self.choices:
                if type(choice) is type(value) and choice == value:
                    return choice
        elif self.kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
            with suppress(OverflowError):  # a whole number that no float can hold
                number = float(value)
                if not math.isnan(number):
                    return number
        elif type(value) is self.kind:
            return value
        raise ValueError(value)

    def parsed(self, text: str) -> Any:
        """The value that a user typed, whether or not it is allowed.

        Raises:
            ValueError: it is of another type.
        """
        if self.choices:
            read: Mapping[str, Any] = {typed_as(choice): choice for choice in self.choices}
        elif self.kind is bool:
            read, text = _TRUTH, text.lower()
        else:
            return self.typed(self.kind(text))
        if text not in read:
            raise ValueError(text)
        return read[text]

    def fault(self, value: Any) -> str | None:
        """What the value must be and isn't; None where it is allowed."""
        if self.choices:
            return None
        infinite = any(isinstance(constraint, OrInfinite) for constraint in self.constraints)
        if isinstance(value, float) and math.isinf(value) and not infinite:
            return "finite"
        if isinstance(value, str) and len(value) > LONGEST_TEXT:
            return f"text of {LONGEST_TEXT:,} characters at most"
        if isinstance(value, str) and any(unicodedata.category(letter) in ("Cc", "Cs") for letter in value):
            return "text without control characters"
        broken = [str(constraint) for constraint in self.constraints if not constraint.holds(value)]
        return " and ".join(broken) or None


def typed_as(value: object) -> str:
    """A value as a user types it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def shown(value: object, written: Callable[[object], str] = typed_as, most: int = 60) -> str:
    """A value as a user types it, or as ``written`` writes it, cut where it is long: for errors, which are one line."""
    if isinstance(value, str) and len(value) > most:
        return f"{written(value[:most])}… ({len(value):,} characters)"
    try:
        text = written(value)
    except ValueError:  # a whole number of more digits than Python writes out
        return "a number of thousands of digits"
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def _either(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} or {texts[-1]}"
