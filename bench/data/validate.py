"""Checks of a corpus on disk. (Written next.)"""

from __future__ import annotations

from pathlib import Path


def check_corpus(folder: Path, called: str | None = None) -> None:
    """Placeholder until the checks are in."""
