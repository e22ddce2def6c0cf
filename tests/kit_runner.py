"""Runs one check of a conformance kit on a component, to see whether it notices what is wrong with it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from bench.testing import ComponentConformance


def run_check(kit: type[ComponentConformance], check: str, given: dict[str, Any], folder: Path, **sets: Any) -> None:
    """Calls a check as pytest would.

    Args:
        kit: the kit.
        check: name of the test.
        given: fixtures and parameters by name.
        folder: an empty ``tmp_path``; made here.
        sets: attributes of the test class, such as ``component``.
    """
    folder.mkdir(parents=True)
    test = getattr(type("Kit", (kit,), sets)(), check)
    names = inspect.signature(test).parameters
    test(**{name: folder if name == "tmp_path" else given[name] for name in names})


def checks_of(*kits: type[ComponentConformance]) -> set[str]:
    """Names of the checks that these kits define themselves."""
    return {name for kit in kits for name in vars(kit) if name.startswith("test_")}
