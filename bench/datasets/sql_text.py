"""Names and texts as SQL has them, whatever signs are in them."""

from __future__ import annotations

from collections.abc import Iterable


def literal(text: str) -> str:
    """A text."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: Iterable[str]) -> str:
    """Texts with commas between them."""
    return ", ".join(map(literal, texts))


def identifier(name: str) -> str:
    """The name of a column or table."""
    return '"' + name.replace('"', '""') + '"'
