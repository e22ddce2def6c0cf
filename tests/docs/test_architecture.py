"""docs/architecture.md speaks of code: every name in it exists, and its storeys are those of the import test."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from test_imports import LINES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

QUOTED = re.findall(r"`([^`\n]+)`", TEXT)
DOTTED = sorted({q for q in QUOTED if re.fullmatch(r"(?:bench|encoders|baselines|tasks)(?:\.\w+)+", q)})
FILES = sorted({q for q in QUOTED if re.fullmatch(r"(?:tests|docs|results)/[\w./-]+", q)})


@pytest.mark.parametrize("name", DOTTED)
def test_a_name_in_the_text_exists(name: str) -> None:
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
        return
    pytest.fail(f"nothing is called {name}")


@pytest.mark.parametrize("name", FILES)
def test_a_file_in_the_text_exists(name: str) -> None:
    assert (ROOT / name).exists()


def test_the_storeys_are_those_of_the_import_test() -> None:
    table = re.findall(r"^\| ((?:`bench\.\w+` ?)+)\|", TEXT, flags=re.MULTILINE)
    assert [re.findall(r"`bench\.(\w+)`", line) for line in table] == [line.split() for line in LINES]


def test_the_text_names_enough_for_the_test_to_mean_something() -> None:
    assert len(DOTTED) > 50
    for walk in ("from Parquet to a p-value", "from words to a table", "One gradient step"):
        assert walk in TEXT
