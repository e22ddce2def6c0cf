"""The page about the report: its commands run as they are written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import environment
from markdown_blocks import blocks

TEXT = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
BLOCKS = [block for block in blocks(TEXT) if block.language == "bash"]


@pytest.mark.slow  # commands in processes of their own
def test_the_commands_run(tmp_path: Path) -> None:
    assert len(BLOCKS) == TEXT.count("\n```bash") > 0
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for block in BLOCKS:
        for command in block.commands():
            ran = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", command],
                cwd=tmp_path,
                env=environment(PATH=path, OMP_NUM_THREADS="1"),
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    assert "<!doctype html>" in (tmp_path / "report.html").read_text(encoding="utf-8").lower()
