"""Which commit of this project is running."""

from __future__ import annotations

import subprocess
from pathlib import Path


def checkout_commit() -> str | None:
    """The commit of this project's checkout, with ``+`` where files differ from it; None if installed otherwise."""
    here = Path(__file__)
    questions = (["ls-files", "--error-unmatch", "__init__.py"], ["rev-parse", "HEAD"], ["status", "--porcelain"])
    try:
        _, commit, changed = (
            subprocess.run(
                ["git", "-C", str(here.parent), *question], capture_output=True, text=True, check=True
            ).stdout.strip()
            for question in questions
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+" if changed else "")
