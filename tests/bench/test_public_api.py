"""What may be imported from ``bench``: a fixed list, cheap until a name needs more, and typed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import bench
import bench.testing

PUBLIC = """
BaselineSpec BenchError ClickBatch ClickCorpus ClickDims ClickModel ClickReference Contrast Corpus CorpusWriter
DatasetSpec Dims EncoderSpec ExportedEncoder Features IntentDims IntentModel PretrainingConfig RunResult ScoreResult
SessionBatch SessionEncoder SessionVectors SuggestionDims SuggestionModel SuggestionReference Task TaskResult TaskSpec
TrainingContext __version__ corpus_from_tables hookimpl load_corpus load_encoder log_tables pretrain run score
"""
"""A change here is a change for everybody who has a plugin: it belongs into CHANGELOG.md."""


TESTING = """
ClickModelConformance ClickReferenceConformance ComponentConformance DatasetConformance EncoderConformance
IntentModelConformance SuggestionModelConformance SuggestionReferenceConformance TaskConformance awkward_corpus
click_batch planted_corpus random_corpus
"""


def process(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_public_names_are_these() -> None:
    assert bench.__all__ == PUBLIC.split()
    assert bench.testing.__all__ == TESTING.split()
    assert set(bench.__all__) <= set(dir(bench))
    assert set(bench.testing.__all__) <= set(dir(bench.testing))


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module in (bench, bench.testing) for name in module.HOMES]
)
def test_a_lazy_name_is_what_its_module_calls_so(module: ModuleType, name: str) -> None:
    found = getattr(module, name)
    assert found.__name__ == name
    assert found.__doc__


@pytest.mark.parametrize("module", [bench, bench.testing], ids=["bench", "bench.testing"])
def test_type_checkers_are_told_the_same_homes(module: ModuleType) -> None:
    """The imports under ``TYPE_CHECKING`` and the table of homes are two lists of one thing."""
    tree = ast.parse(Path(str(module.__file__)).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    told = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert told == module.HOMES


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Encoder'"):
        bench.Encoder  # noqa: B018
    with pytest.raises(ImportError):
        exec("from bench import Encoder")
    with pytest.raises(AttributeError, match="has no attribute 'Kit'"):
        bench.testing.Kit  # noqa: B018


def test_without_pytest_the_kits_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.testing, "find_spec", lambda name: None)
    with pytest.raises(bench.BenchError, match=r"bench.testing: pytest is not installed \(pip install pytest\)"):
        bench.testing.EncoderConformance  # noqa: B018


def test_what_a_plugin_registers_with_pulls_in_nothing_heavy() -> None:
    code = (
        "from bench import EncoderSpec, BaselineSpec, TaskSpec, DatasetSpec, hookimpl, BenchError; import sys;"
        "print([name for name in ('torch', 'numpy', 'pandas', 'pyarrow', 'rich', 'pytest') if name in sys.modules])"
    )
    assert process(code) == "[]"


EACH_FIRST = """
import os, sys
import numba, numpy, pandas, torch  # once for all, as no name's neighbours are among them
assert "bench" not in sys.modules
for name in sys.argv[1:]:
    if not os.fork():
        exec(f"from bench import {name}")
        sys.exit(locals()[name].__name__ != name)
    if os.wait()[1]:
        sys.exit(f"{name} cannot be imported first")
print("done")
"""


def test_every_name_can_be_imported_first() -> None:
    """In a process each that has imported nothing of ours: no name depends on another one's import."""
    names = [name for name in bench.__all__ if name in bench.HOMES]
    seen = {bench.HOMES[name]: name for name in names}  # one name of each module
    assert process(EACH_FIRST, *seen.values()) == "done"
