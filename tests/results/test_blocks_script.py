"""``results/speed/blocks.py`` compares all ways of computing the attention, which must give the same vectors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from small_corpora import random_corpus

SCRIPT = Path(__file__).parents[2] / "results" / "speed" / "blocks.py"


@pytest.mark.slow
def test_every_way_has_a_row_beside_that_of_blocks(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "corpus", sessions=60, image_share=0.5).folder
    words = [sys.executable, SCRIPT, corpus, "--batches", "8", "--rounds", "1"]
    ran = subprocess.run([*map(str, words)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in ran.stdout.splitlines()[2:]]
    assert [row[1] for row in rows] == [
        "compiled loops",
        "blocks",
        "blocks, torch.compile",
        "as wide as the longest",
    ]
    assert rows[1][3] == "1.00"
    assert all(float(row[2]) > 0 for row in rows)
