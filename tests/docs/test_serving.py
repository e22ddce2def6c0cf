"""The page on serving: its commands and its Python run in order, in one folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import environment
from markdown_blocks import blocks

TEXT = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
RUN = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}


@pytest.mark.slow  # commands in processes of their own; a block needs what those before it have left
def test_the_blocks_run(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ran = 0
    for block in blocks(TEXT):
        if block.skip:
            continue
        done = subprocess.run(
            [*RUN[block.language], block.text],
            cwd=tmp_path,
            env=environment(PATH=path, OMP_NUM_THREADS="1"),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
        ran += 1
    assert ran == 4
    assert "(simulated: no claim" in (tmp_path / "model-card.md").read_text()
    assert "on this machine (" in done.stdout
