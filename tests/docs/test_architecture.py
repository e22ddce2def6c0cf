"""docs/architecture.md speaks of code: every name in it exists, and its storeys are those of the import test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from code_names import DOTTED, FILE, find
from test_imports import LINES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

QUOTED = re.findall(r"`([^`\n]+)`", TEXT)
NAMES = sorted({quoted for quoted in QUOTED if DOTTED.fullmatch(quoted)})
FILES = sorted({quoted for quoted in QUOTED if FILE.fullmatch(quoted)})


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_the_text_exists(name: str) -> None:
    find(name)


@pytest.mark.parametrize("name", FILES)
def test_a_file_in_the_text_exists(name: str) -> None:
    assert (ROOT / name).exists()


def test_the_storeys_are_those_of_the_import_test() -> None:
    table = re.findall(r"^\| ((?:`bench\.\w+` ?)+)\|", TEXT, flags=re.MULTILINE)
    assert [re.findall(r"`bench\.(\w+)`", line) for line in table] == [line.split() for line in LINES]


def test_the_text_names_enough_for_the_test_to_mean_something() -> None:
    assert len(NAMES) > 50
    for walk in ("from Parquet to a p-value", "from words to a table", "One gradient step"):
        assert walk in TEXT
