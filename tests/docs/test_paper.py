"""docs/paper.md puts code beside each equation: every name in it exists, and no equation is left out."""

from __future__ import annotations

import re

import pytest
from code_names import DOTTED, FILE, find
from reader import ROOT, text_of

TEXT = text_of("paper.md") + text_of("statistics.md")
QUOTED = re.findall(r"`([^`\n]+)`", TEXT)


@pytest.mark.parametrize("name", sorted({quoted for quoted in QUOTED if DOTTED.fullmatch(quoted)}))
def test_a_name_in_the_text_exists(name: str) -> None:
    find(name)


@pytest.mark.parametrize("name", sorted({quoted for quoted in QUOTED if FILE.fullmatch(quoted)}))
def test_a_file_in_the_text_exists(name: str) -> None:
    assert (ROOT / name).exists()


def test_each_equation_has_its_code_and_its_formula() -> None:
    equations = re.findall(r"\*\*Equation (\d)\.\*\* [^`]*`([\w.]+)`:\n\n\$\$\n", text_of("paper.md"))
    assert [int(number) for number, _ in equations] == list(range(1, 10))
    for number, name in equations:
        source = find(".".join(name.split(".")[:-1])) if name.endswith(".forward") else find(name)
        assert source.__doc__, number
