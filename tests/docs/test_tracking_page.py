"""The page about trackers: its command runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_blocks import blocks
from reader import run_here, text_of


@pytest.mark.slow
def test_the_command_runs(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    for block in blocks(text_of("tracking.md")):
        for command in block.commands() if block.language == "bash" else ():
            run_here(command, tmp_path)
    assert (tmp_path / "tracked" / "mlflow" / "mlflow.db").exists()
    assert list((tmp_path / "tracked" / "tb").rglob("events.*"))
