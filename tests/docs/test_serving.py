"""The page on serving: its commands and its Python run in order, in one folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_blocks import blocks
from reader import run_here, text_of


@pytest.mark.slow  # a block needs what those before it have left
def test_the_blocks_run(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    said = []
    for block in blocks(text_of("serving.md")):
        if block.skip:
            continue
        if block.language == "python":
            (tmp_path / "block.py").write_text(block.text)
            said.append(run_here("python block.py", tmp_path))
        else:
            said.append("".join(run_here(command, tmp_path) for command in block.commands()))
    assert len(said) == 4
    assert "(simulated: no claim" in (tmp_path / "model-card.md").read_text()
    assert "on this machine (" in said[-1]
