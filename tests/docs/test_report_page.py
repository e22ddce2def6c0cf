"""The page about the report: its commands run as they are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_blocks import blocks
from reader import run_here, text_of


@pytest.mark.slow
def test_the_commands_run(tmp_path: Path) -> None:
    commands = [command for block in blocks(text_of("report.md")) for command in block.commands()]
    assert len(commands) > 1
    for command in commands:
        run_here(command, tmp_path)
    assert "<!doctype html>" in (tmp_path / "report.html").read_text(encoding="utf-8").lower()
