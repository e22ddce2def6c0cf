"""``results/speed/gpu.py`` measures everything by one command; without a GPU its path is the same on the CPU."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_corpora import random_corpus

SCRIPT = Path(__file__).parents[2] / "results" / "speed" / "gpu.py"


@pytest.mark.slow
def test_the_script_measures_and_writes(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "corpus", sessions=150, image_share=0.5).folder
    words = [
        corpus,
        "--device",
        "cpu",
        "--batches",
        "8",
        "--steps",
        "3",
        "--quality-steps",
        "3",
        "--to",
        tmp_path,
    ]
    ran = subprocess.run([sys.executable, SCRIPT, *map(str, words)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    found = json.loads((tmp_path / "gpu.json").read_text())
    rows = found["pretraining"]
    assert [(row["batch"], row["precision"], row["shapes_compiled"] > 0) for row in rows] == [
        (8, precision, compiled and shutil.which("g++") is not None)
        for precision in ("float32", "bfloat16")
        for compiled in (False, True)
    ]
    for row in rows:
        assert (row["compiling_s"] is not None) == (row["shapes_compiled"] > 0)
        assert row["sessions_per_second"] == pytest.approx(row["batch"] / row["step_s"])
        assert 0 < row["share_of_matrix_rate"] < 1
        assert row["share_of_bandwidth"] > 0
    assert all(0 <= one["accuracy"] <= 1 for one in found["quality"])
    assert (tmp_path / "gpu.md").read_text() in ran.stdout


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.slow
def test_without_a_gpu_it_says_so(tmp_path: Path) -> None:
    ran = subprocess.run([sys.executable, SCRIPT, str(tmp_path)], capture_output=True, text=True)
    assert ran.returncode == 2
    assert "there is no GPU; --device cpu takes the same path" in ran.stderr
