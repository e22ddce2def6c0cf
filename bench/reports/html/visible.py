"""What a report embeds as JSON, hidden characters written out: a name is never what it does not show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.printable import visible

Plain = str | int | float | bool | None | Sequence["Plain"] | Mapping[str, "Plain"]
"""What JSON can say."""


def all_visible(value: Plain) -> Plain:
    """The value with every text in it :func:`bench.printable.visible`, the names of fields among them."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {visible(name): all_visible(inner) for name, inner in value.items()}
    if isinstance(value, Sequence):
        return [all_visible(inner) for inner in value]
    return value
