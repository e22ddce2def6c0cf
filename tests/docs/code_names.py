"""Names of code in a text, and what they stand for."""

from __future__ import annotations

import importlib
import re

import pytest

DOTTED = re.compile(r"(?:bench|encoders|baselines|tasks)(?:\.\w+)+")
FILE = re.compile(r"(?:tests|docs|results)/[\w./-]+")


def find(name: str) -> object:
    """The module, class, function or value that a dotted name stands for; fails where there is none."""
    parts = name.split(".")
    for number in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:number]))
        except ModuleNotFoundError as error:
            if error.name is None or not name.startswith(error.name):
                raise
            continue
        for attribute in parts[number:]:
            found = getattr(found, attribute)
        return found
    pytest.fail(f"nothing is called {name}")
