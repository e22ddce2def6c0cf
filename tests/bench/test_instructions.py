"""Torch computes alike with and without AVX-512: defends that a table made on one processor repeats on another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import BENCH

from bench import instructions
from bench.runs.store import Store

HAS_AVX512 = "avx512f" in Path("/proc/cpuinfo").read_text().split()


@pytest.mark.parametrize(
    ("flags", "before", "after"),
    [
        ("flags : fpu avx2 avx512f avx512bw", None, "avx2"),
        ("flags : fpu avx2", None, None),
        ("Features : fp asimd", None, None),
        ("flags : fpu avx2 avx512f avx512bw", "default", "default"),  # whoever set it wanted it
    ],
)
def test_what_is_set(
    flags: str, before: str | None, after: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = tmp_path / "cpuinfo"
    told.write_text(flags + "\n")
    monkeypatch.setattr(instructions, "_CPUINFO", told)
    monkeypatch.delenv("ATEN_CPU_CAPABILITY", raising=False)
    if before is not None:
        monkeypatch.setenv("ATEN_CPU_CAPABILITY", before)
    instructions.common_instructions()
    assert os.environ.get("ATEN_CPU_CAPABILITY") == after


def test_another_system_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(instructions, "_CPUINFO", tmp_path / "none")
    monkeypatch.delenv("ATEN_CPU_CAPABILITY", raising=False)
    instructions.common_instructions()
    assert "ATEN_CPU_CAPABILITY" not in os.environ


@pytest.mark.skipif(not HAS_AVX512, reason="this processor has no AVX-512")
def test_a_command_computes_without_avx512() -> None:
    ran = subprocess.run([BENCH, "doctor", "--json"], env=environment_with(None), capture_output=True, check=True)
    assert "AVX2" in ran.stdout.decode()
    assert "AVX512" not in ran.stdout.decode()


@pytest.mark.slow
@pytest.mark.skipif(not HAS_AVX512, reason="this processor has no AVX-512")
def test_workers_of_a_script_compute_without_avx512(tmp_path: Path) -> None:
    """It imports torch, and is imported by its workers, before anything of ours is."""
    found = {wanted: predictions(tmp_path / str(wanted), wanted) for wanted in (None, "avx2", "avx512")}
    assert found[None] == found["avx2"]
    assert found[None] != found["avx512"], "a transformer on these sessions would not have shown it"


SCRIPT = """
import sys, torch, bench
if __name__ == "__main__":
    few = ["sessions=400", "downstream=160", "ctr.epochs=2"]
    bench.run("ctr", "transformer", "transearch", seeds=1, settings=few, out=sys.argv[1])
"""


def predictions(out: Path, instructions: str | None) -> str:
    """The checksum of a cell's scores of candidates, computed by a script under such a variable."""
    out.mkdir()
    (out / "script.py").write_text(SCRIPT)
    command = [sys.executable, out / "script.py", out / "runs"]
    subprocess.run(command, env=environment_with(instructions), capture_output=True, check=True)
    store = Store(out / "runs")
    cells = [store.read("cells", folder.name) for folder in (store.root / "cells").glob("*")]
    (cell,) = (cell for cell in cells if cell is not None and "transformer" in cell["title"])
    assert cell["status"] == "done", cell
    checksum: str = cell["files"]["predictions.parquet"]["sha256"]
    return checksum


def environment_with(instructions: str | None) -> dict[str, str]:
    """This process's own, in which tests have set the variable, with another value or without."""
    kept = {name: value for name, value in os.environ.items() if name != "ATEN_CPU_CAPABILITY"}
    return kept if instructions is None else {**kept, "ATEN_CPU_CAPABILITY": instructions}
