"""What ``bench new-plugin`` writes: every file filled in, nothing overwritten, no name that could not work."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.golden.gate import load_gate
from bench.plugins.registry import registry
from bench.scaffold.write import write_plugin

KINDS = ("encoder", "baseline", "task", "dataset")


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_there_and_parses(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "deep" / "theirs"
    files = write_plugin("their-own", kind, folder, registry())
    assert sorted(files) == sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert {Path(".github/workflows/check.yml"), Path("golden/gate.toml"), Path("README.md")} <= set(files)
    assert [path.name for path in folder.parent.iterdir()] == ["theirs"]
    for file in files:
        text = (folder / file).read_text()
        assert not re.search(r"\$\{?[a-z]", text), f"{file} has a hole"
        if file.suffix == ".py":
            assert ast.get_docstring(ast.parse(text)), file
            assert max(len(line) for line in text.splitlines()) <= 120
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == "their-own"
    assert project["entry-points"]["bench"] == {"their-own": "their_own.plugin"}
    assert load_gate(folder / "golden").tables[0].seeds == 2


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    write_plugin("their-own", "encoder", folder, registry())
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(BenchError, match="is there already"):
        write_plugin("their-other", "baseline", folder, registry())
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("Their", "encoder", "can't be a name"),
        ("9lives", "encoder", "can't be a name"),
        ("a.b", "encoder", "can't be a name"),
        ("../up", "encoder", "can't be a name"),
        ("a--b", "encoder", "can't be a name"),
        ("", "encoder", "can't be a name"),
        ("lstm", "encoder", "the encoder 'lstm' exists"),
        ("ctr", "task", "the task 'ctr' exists"),
        ("numpy", "encoder", "a package 'numpy' is installed"),
        ("class", "encoder", "word of Python"),
        ("mine", "enkoder", "did you mean encoder"),
    ],
)
def test_names_that_cannot_work_are_refused(tmp_path: Path, name: str, kind: str, message: str) -> None:
    with pytest.raises(BenchError, match=message):
        write_plugin(name, kind, tmp_path / "theirs", registry())
    assert not list(tmp_path.iterdir())
