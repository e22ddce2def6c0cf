"""The guide from a log to a decision: its commands run as they are written, on a UBI log of some days."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import environment
from markdown_blocks import Block, blocks
from ubi_at_size import write_log

TEXT = (Path(__file__).parents[2] / "docs" / "own-logs.md").read_text(encoding="utf-8")
BLOCKS = [block for block in blocks(TEXT) if block.language == "bash"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("guide")
    (made / "ubi").mkdir()
    write_log(made / "ubi" / "export.ndjson", events=4_000, apart=36_000_000)
    return made


@pytest.mark.slow  # commands in processes of their own; a block needs what those before it have left
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"line {block.line}")
def test_the_commands_run(block: Block, folder: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for command in block.commands():
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", re.split(r"\s{2,}#", command)[0]],
            cwd=folder,
            env=environment(PATH=path, OMP_NUM_THREADS="1"),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
        assert "Traceback" not in ran.stderr


def test_every_block_is_run() -> None:
    assert len(BLOCKS) == TEXT.count("\n```bash")
    assert not [block.line for block in BLOCKS if block.skip]
