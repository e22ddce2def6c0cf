"""Characters that a reader cannot see, or that turn a line around, written out: a name is never what it does not show.

Names, words and captions come from other people's logs and plugins. Escaping keeps them from becoming markup; this
keeps them from being misread, as ``harmless\\u202etxt.exe`` would be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_HIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
"""Control characters but for tab and newlines, marks of direction, and halves of surrogate pairs."""

Plain = str | int | float | bool | None | Sequence["Plain"] | Mapping[str, "Plain"]
"""What JSON can say."""


def visible(text: str) -> str:
    """The text with every hidden character written as its code, such as ``\\u202e``."""
    return _HIDDEN.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def all_visible(value: Plain) -> Plain:
    """The same of every text in a JSON value, the names of fields among them."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {visible(name): all_visible(inner) for name, inner in value.items()}
    if isinstance(value, Sequence):
        return [all_visible(inner) for inner in value]
    return value
