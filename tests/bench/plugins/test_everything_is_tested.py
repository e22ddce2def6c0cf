"""Whatever is registered has a conformance test that somebody wrote, and is named where people look for it.

What is tested is read from the test files, not from the registry: a class that is made from the registry's names would
be there for every component, tested or not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from bench import BaselineSpec, DatasetSpec, EncoderSpec, TaskSpec
from bench.plugins.registry import registry
from bench.plugins.specs import Spec
from bench.testing.kits import kit_of

TESTS = Path(__file__).parents[2]
PAGES = [TESTS.parent / "docs" / page for page in ("measuring.md", "datasets.md")]
"""Those that list what there is to be measured, and on what."""
LISTED = "".join(page.read_text(encoding="utf-8") for page in PAGES)


def written(folder: Path) -> set[tuple[str, str]]:
    """``(kit, name)`` of every conformance test in the test files below ``folder``.

    It is a class statement at the head level of a module that pytest collects, derived from a kit, with the name
    written out, and not skipped.
    """
    found = set()
    for file in folder.rglob("test_*.py"):
        for node in ast.parse(file.read_bytes()).body:
            if not isinstance(node, ast.ClassDef) or not node.name.startswith("Test") or node.decorator_list:
                continue
            kits = [base.id for base in node.bases if isinstance(base, ast.Name) and base.id.endswith("Conformance")]
            for line in node.body:
                if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "name":
                    found |= {(kit, ast.literal_eval(line.value)) for kit in kits}
    return found


def untested(specs: Iterable[Spec], tests: set[tuple[str, str]]) -> list[str]:
    """Components without a conformance test of their own kit."""
    return [f"{spec.kind} {spec.name}" for spec in specs if (kit_of(spec).__name__, spec.name) not in tests]


def unnamed(specs: Iterable[Spec], text: str) -> list[str]:
    """Components that a text does not name in code."""
    named = set(re.findall(r"`([^`\n]+)`", text))
    return [f"{spec.kind} {spec.name}" for spec in specs if spec.name not in named]


def registered() -> list[Spec]:
    return [component.spec for _, component in registry().components() if component.origin == "built-in"]


EXTRA: list[Spec] = [
    EncoderSpec("forgotten", "encoders.lstm:LstmEncoder", "h", "c"),
    BaselineSpec("forgotten", "baselines.ffn:FeedForward", "h", "c", task="suggest"),
    TaskSpec("forgotten", "tasks.ctr:ClickPrediction", "h", "c"),
    DatasetSpec("forgotten", "bench.datasets.simulated:make", "h", "c"),
]


def test_every_component_has_a_written_conformance_test() -> None:
    assert len(registered()) > 30
    assert untested(registered(), written(TESTS)) == []


def test_every_component_is_named_in_the_documentation() -> None:
    assert unnamed(registered(), LISTED) == []


@pytest.mark.parametrize("spec", EXTRA, ids=lambda spec: spec.kind)
def test_a_component_that_is_registered_and_nothing_else_is_noticed(spec: Spec) -> None:
    assert untested([*registered(), spec], written(TESTS)) == [f"{spec.kind} forgotten"]
    assert unnamed([*registered(), spec], LISTED) == [f"{spec.kind} forgotten"]


@pytest.mark.parametrize(
    "source",
    [
        "for name in ['forgotten']:\n    class TestIt(EncoderConformance):\n        name = name\n",
        "TestIt = type('TestIt', (EncoderConformance,), {'name': 'forgotten'})\n",
        "@pytest.mark.skip\nclass TestIt(EncoderConformance):\n    name = 'forgotten'\n",
        "class Kit(EncoderConformance):\n    name = 'forgotten'\n",
        "class TestIt(ComponentConformance):\n    name = 'forgotten'\n",
        "class TestIt(TaskConformance):\n    name = 'forgotten'\n",
        "NAME = 'forgotten'\n",
    ],
    ids=["in a loop", "made by type", "skipped", "not collected", "a kit that asks less", "another kind", "no class"],
)
def test_what_only_looks_like_a_test_does_not_count(source: str, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(source)
    assert untested(EXTRA[:1], written(tmp_path)) == ["encoder forgotten"]


def test_two_lines_are_a_test(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "test_it.py").write_text("class TestIt(EncoderConformance):\n    name = 'forgotten'\n")
    assert untested(EXTRA[:1], written(tmp_path)) == []
    (tmp_path / "deep" / "test_it.py").rename(tmp_path / "deep" / "it.py")
    assert untested(EXTRA[:1], written(tmp_path)) == ["encoder forgotten"]
