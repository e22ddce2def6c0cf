"""The scripts that made committed numbers still find what they import: one that does not can repeat nothing."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "results").rglob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: str(script.relative_to(ROOT)))
def test_everything_that_a_script_imports_is_there(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (ROOT / "results", script.parent):
        monkeypatch.syspath_prepend(str(folder))
    for node in ast.walk(ast.parse(script.read_bytes())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            module = importlib.import_module(node.module)
            for alias in node.names:
                assert hasattr(module, alias.name), f"{script.name}:{node.lineno}: {node.module} has no {alias.name}"


def test_there_are_scripts() -> None:
    assert SCRIPTS
