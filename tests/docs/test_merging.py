"""The page about results of several machines: its commands run, on two folders of results that a reader would have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from markdown_blocks import blocks
from reader import run_here, text_of

RUN = "bench run --task ctr --baseline chance --encoder vanilla --set sessions=200 --set downstream=120 --jobs 1"


@pytest.mark.slow
def test_the_commands_run(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        run_here(f"{RUN} --seeds 1 --set beauty.seed={seed} --out runs-of-{name}", tmp_path)
    for block in blocks(text_of("merging.md")):
        for command in block.commands():
            run_here(command, tmp_path)
    assert len(list((tmp_path / "runs" / "cells").iterdir())) > 2
    assert {row["encoder"] for row in json.loads((tmp_path / "rows.json").read_text())} == {"vanilla", "meanpool"}
