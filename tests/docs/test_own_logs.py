"""The guide from a log to a decision: its commands run as they are written, on a UBI log of some days."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_blocks import Block, blocks
from reader import run_here
from ubi_at_size import write_log

TEXT = (Path(__file__).parents[2] / "docs" / "own-logs.md").read_text(encoding="utf-8")
BLOCKS = [block for block in blocks(TEXT) if block.language == "bash"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("guide")
    (made / "ubi").mkdir()
    write_log(made / "ubi" / "export.ndjson", events=4_000, apart=36_000_000)
    return made


@pytest.mark.slow  # trains, if only a little; a block needs what those before it have left
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"line {block.line}")
def test_the_commands_run(block: Block, folder: Path) -> None:
    for command in block.commands():
        run_here(command, folder)


def test_every_block_is_run() -> None:
    assert len(BLOCKS) == TEXT.count("\n```bash")
    assert not [block.line for block in BLOCKS if block.skip]
