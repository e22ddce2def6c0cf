"""The house: imports go from a line of the list below to lines above it; packages of components know `bench` only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LINES = (
    "printable errors files claiming instructions progress",
    "plugins",
    "kernels",
    "data",
    "metrics",
    "stats",
    "contracts",
    "training",
    "datasets",
    "runs",
    "evaluation",
    "figures",
    "reports",
    "tracking",
    "paper",
    "serving",
    "doctor golden scaffold library testing",
    "cli",
)
"""The parts of ``bench``, as docs/architecture.md lists them."""

RANK = {name: number for number, line in enumerate(LINES) for name in line.split()}
COMPONENTS = ("encoders", "baselines", "tasks")


def modules() -> dict[str, Path]:
    """Every module of the four packages, by its dotted name."""
    found = {}
    for package in ("bench", *COMPONENTS):
        for file in (ROOT / package).rglob("*.py"):
            found[".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")] = file
    return found


MODULES = modules()


def imports(name: str, tree: ast.Module) -> Iterator[tuple[str, int, bool]]:
    """``(module, line, for types only)`` of every import in a module, those inside functions too."""
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, id(node) in typing_only
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], *([base] if base else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner in MODULES else base, node.lineno, id(node) in typing_only


def faults(names: dict[str, Path]) -> list[str]:
    """Every import that goes the wrong way, a line for each."""
    wrong = []
    for name, file in names.items():
        own = name.split(".")
        for imported, line, for_types in imports(name, ast.parse(file.read_bytes())):
            other = imported.split(".")
            where = f"{file.relative_to(ROOT)}:{line} imports {imported}"
            if other[0] in ("bench", *COMPONENTS) and imported not in MODULES:
                wrong.append(f"{where}, which does not exist")
            elif other[0] in COMPONENTS and other[0] != own[0]:
                wrong.append(f"{where}: components find each other through the registry")
            elif for_types or own[0] != "bench" or other[0] != "bench" or 1 in (len(own), len(other)):
                continue
            elif RANK[other[1]] > RANK[own[1]]:
                wrong.append(f"{where}, which stands below it")
    return wrong


def test_every_import_goes_to_the_same_line_or_one_above() -> None:
    assert faults(MODULES) == []


def test_every_part_of_bench_has_a_line() -> None:
    parts = {name.split(".")[1] for name in MODULES if name.startswith("bench.")}
    assert parts == set(RANK)


@pytest.mark.parametrize(
    ("module", "text", "said"),
    [
        ("bench.metrics.ranking", "from bench.stats.crossed import crossed_difference", "stands below it"),
        ("bench.runs.plan", "def f():\n    from bench.cli.main import app", "stands below it"),
        ("bench.runs.plan", "from encoders import lstm", "through the registry"),
        ("tasks.ctr", "import baselines.ffn", "through the registry"),
        ("bench.errors", "from bench import nothing_here\nimport bench.nothing", "does not exist"),
    ],
)
def test_a_wrong_import_is_noticed(module: str, text: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_bytes", lambda file: text.encode())
    assert any(said in line for line in faults({module: MODULES[module]}))
