"""The page on the library: its blocks run as one script, in the order in which they stand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import indent

import pytest
from command_line import environment
from markdown_blocks import blocks

TEXT = (Path(__file__).parents[2] / "docs" / "library.md").read_text(encoding="utf-8")
CODE = "\n".join(block.text for block in blocks(TEXT) if block.language == "python")


@pytest.mark.slow
def test_the_blocks_run_in_order(tmp_path: Path) -> None:
    script = tmp_path / "page.py"
    script.write_text(f'if __name__ == "__main__":\n{indent(CODE, "    ")}\n')
    ran = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env=environment(OMP_NUM_THREADS="1"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "lstm - vanilla" in ran.stdout
    assert "too few seeds to say" in ran.stdout
    assert "['keyword_word', 'product_word', 'image']" in ran.stdout
