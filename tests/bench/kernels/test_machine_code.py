"""Machine code follows the sources: a change in any of them is seen at once, whatever was compiled before.

Each process below imports copies of the two packages that compile, so that their files can be changed. Most are forks
of one that has imported torch and numba, and nothing of ours.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import ForkedCommand

import encoders.kernels
from bench.kernels import code_folder
from bench.kernels.compiled import compiled

SHARED, PACKAGE = Path(code_folder.__file__).parent, Path(encoders.kernels.__file__).parent
PROGRAM = """
import json, warnings, torch
warnings.simplefilter("error")
from encoders import kernels
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    rows, zero = torch.tensor([[1.0], [-1.0]]), torch.zeros(2, dtype=torch.int64)
    sums = kernels.elu_sums(rows, torch.arange(2), torch.ones(2), zero, 1)
compiled = []
if {count}:
    from encoders.kernels.sums import add_elus
    compiled = [sum(add_elus.stats.cache_misses.values()), sum(add_elus.stats.cache_hits.values())]
print(json.dumps([float(sums[0, 0]), compiled, [str(one.message) for one in said]]))
"""
SUM = pytest.approx(1 + 2.718281828**-1 - 1, abs=1e-6)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder in which the packages have never run."""
    for package, name in ((PACKAGE, "encoders"), (SHARED, "bench")):
        shutil.copytree(package, tmp_path / name / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
        (tmp_path / name / "__init__.py").write_text("")
    return tmp_path


def start(copy: Path) -> ForkedCommand:
    words = ["-c", PROGRAM.replace("{count}", "True")]
    return ForkedCommand(words, [copy], copy, ours=False, XDG_CACHE_HOME=str(copy / "cache"))


def result(process: ForkedCommand) -> tuple[float, list[int], list[str]]:
    """The sum, how often it was compiled and how often loaded, and what was warned of."""
    ran = process.ended()
    assert ran.code == 0, ran.err
    found, compiled, warned = json.loads(ran.out)
    return found, compiled, warned


def result_of_a_fresh_one(copy: Path, before: str = "", count: bool = True, **environment: str) -> Any:
    """As :func:`result`, of a process that imports all anew: with variables that numba reads then, or without it."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "BENCH"))}
    variables |= {"PYTHONPATH": str(copy), "XDG_CACHE_HOME": str(copy / "cache"), **environment}
    program = before + PROGRAM.replace("{count}", str(count))
    ran = subprocess.run([sys.executable, "-c", program], cwd=copy, env=variables, stdout=subprocess.PIPE, check=True)
    return tuple(json.loads(ran.stdout))


def versions(folder: Path) -> list[Path]:
    return sorted(folder.glob("compiled-*"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "before", "after", "factor"),
    [
        ("encoders/kernels/vector_rows.py", "to.elu(to.times(factor, ", "to.elu(to.times(to.plus(factor, factor), ", 2),
        ("bench/kernels/exponential.py", "1.4426950408889634", "4 * 1.4426950408889634", 4),
    ],
)
def test_a_change_in_a_function_of_another_file_is_seen(
    copy: Path, name: str, before: str, after: str, factor: int
) -> None:
    assert result(start(copy))[:2] == (SUM, [1, 0])
    assert result(start(copy))[:2] == (SUM, [0, 1])
    file = copy / name  # add_elus, in sums.py, is made of it
    source = file.read_text()
    changed = source.replace(before, after)
    assert changed != source
    file.write_text(changed)
    found, compiled, _ = result(start(copy))
    positive = 2 if factor == 2 else 1  # the exponential is that of negative numbers alone
    assert (found, compiled) == (pytest.approx(positive + 2.718281828**-factor - 1, abs=1e-6), [1, 0])
    file.write_text(source)
    assert result(start(copy))[:2] == (SUM, [0, 1]), "the earlier version is still there"
    assert len(versions(copy / "encoders/kernels/__pycache__")) == 2


@pytest.mark.slow
def test_of_processes_that_start_together_one_compiles(copy: Path) -> None:
    together = [start(copy) for _ in range(3)]
    found = [result(process) for process in together]
    assert [values for values, _, _ in found] == [SUM] * 3
    assert sorted(compiled for _, compiled, _ in found) == [[0, 1], [0, 1], [1, 0]]


@pytest.mark.slow
def test_damaged_code_is_compiled_again(copy: Path) -> None:
    result(start(copy))
    (folder,) = versions(copy / "encoders/kernels/__pycache__")
    for file in folder.iterdir():
        file.write_bytes(file.read_bytes()[:20])
    assert result(start(copy))[:2] == (SUM, [1, 0])
    for file in folder.glob("*.nbc"):  # a bit of an instruction or a constant: it would run, and compute something else
        whole = bytearray(file.read_bytes())
        whole[len(whole) // 2] ^= 1
        file.write_bytes(whole)
    assert result(start(copy))[:2] == (SUM, [1, 0])
    assert result(start(copy))[:2] == (SUM, [0, 1])


@pytest.mark.slow
def test_where_the_sources_cannot_be_written_the_users_cache_is_taken(copy: Path) -> None:
    for package in ("encoders", "bench"):
        (copy / package / "kernels/__pycache__").write_text("no folder")
    assert result(start(copy))[:2] == (SUM, [1, 0])
    assert len(versions(copy / "cache/session-bench/encoders.kernels")) == 1
    chosen = copy / "chosen"
    assert result_of_a_fresh_one(copy, NUMBA_CACHE_DIR=str(chosen))[:2] == (SUM, [1, 0])
    assert len(versions(chosen / "session-bench/encoders.kernels")) == 1


@pytest.mark.slow
def test_without_a_place_to_write_it_still_runs(copy: Path) -> None:
    for place in ("encoders/kernels/__pycache__", "bench/kernels/__pycache__", "cache"):
        (copy / place).write_text("no folder")
    assert result(start(copy)) == (SUM, [1, 0], [])


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["numba", "llvmlite"])
def test_without_numba_the_reference_runs_and_says_so(copy: Path, missing: str) -> None:
    found, _, warned = result_of_a_fresh_one(copy, f"import sys; sys.modules[{missing!r}] = None\n", count=False)
    assert found == SUM
    assert len(warned) == 1
    assert "without compiled loops" in warned[0]


@pytest.mark.slow
def test_with_compiling_switched_off_the_reference_runs(copy: Path) -> None:
    assert result_of_a_fresh_one(copy, count=False, NUMBA_DISABLE_JIT="1") == (SUM, [], [])
    assert not versions(copy / "encoders/kernels/__pycache__")


def test_the_versions_used_last_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_folder, "code_roots", lambda sources: iter([tmp_path]))
    make = code_folder.code_folder.__wrapped__
    for version in range(4):
        folder = make(PACKAGE, str(version))
        os.utime(folder, (version, version))
    make(PACKAGE, "0")  # used again
    make(PACKAGE, "4")
    assert [folder.name for folder in versions(tmp_path)] == [f"compiled-{version}" for version in (0, 2, 3, 4)]


@pytest.mark.parametrize("allowed", [True, {"reassoc", "contract"}])
def test_sums_are_not_reordered(allowed: Any) -> None:
    """Longer vectors would add in another order, and a table would not repeat on another processor."""
    with pytest.raises(ValueError, match="the same order on every processor"):
        compiled(fastmath=allowed)
    assert compiled(fastmath={"contract"}) is not None


@pytest.mark.parametrize("package", [SHARED, PACKAGE], ids=["bench.kernels", "encoders.kernels"])
def test_what_is_compiled_depends_on_nothing_outside_the_packages(package: Path) -> None:
    """Its own folder and the shared one are the key of the machine code."""
    allowed = tuple({"bench.kernels", f"{package.parent.name}.kernels"})
    others = set()
    for file in package.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.ImportFrom):
                assert not node.level
                others.add(f"{node.module}.{node.names[0].name}")
            elif isinstance(node, ast.Import):
                others |= {alias.name for alias in node.names}
    roots = {name.partition(".")[0] for name in others if not name.startswith(allowed)}
    assert roots - set(sys.stdlib_module_names) <= {"torch", "numpy", "numba", "llvmlite"}
    assert not [path for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"]
