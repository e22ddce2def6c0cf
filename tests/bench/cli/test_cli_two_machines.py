"""Runs on two machines that share a folder: each cell is done once, the other helps and waits, and takes over from a
dead one. Real processes; the second machine is another name of this one, so that it knows no process of the first.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import ForkedCommand
from odd_encoders import install_odd_encoders
from small_corpora import random_corpus
from waiting import until

pytestmark = pytest.mark.slow


class TwoMachines:
    """A corpus, an encoder that trains until it is told to stop, and a folder of results."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.runs, self.marks = folder, folder / "runs", folder / "marks"
        self.corpus = random_corpus(folder / "corpus", sessions=30).folder
        self.plugins = install_odd_encoders(folder / "plugins")
        self.marks.mkdir()

    def start(self, node: str) -> ForkedCommand:
        words = ["run", "--task", "ctr", "--encoder", "sleeps,steady", "--dataset", self.corpus, "--seeds", 1]
        words += ["--baseline", "transearch", "--set", "epochs=1", "--set", f"folder={self.marks}", "--jobs", 1]
        words += ["--device", "cpu", "--json", "--out", self.runs]
        variables = {"BENCH_NODE": node, "BENCH_CLAIM_PATIENCE": "4"}
        return ForkedCommand(["bench", *map(str, words)], [self.plugins], **variables)

    def left(self) -> list[str]:
        return [path.name for path in self.runs.rglob("*") if ".writing-" in path.name or "claim" in path.name]


def test_two_machines_on_one_folder(tmp_path: Path) -> None:
    both = TwoMachines(tmp_path)
    processes = [one := both.start("one")]
    try:
        until((both.marks / "started").exists)
        processes.append(two := both.start("two"))
        two.until_said("bench: waiting for process")
        assert f"waiting for process {one.pid} on one: pretrain sleeps on small seed 0\n" in two.said()
        cells = [json.loads(file.read_text()) for file in both.runs.glob("cells/*/cell.json")]
        assert len(cells) == 2, "it has done what was to be done: the cells of steady and of vanilla"

        one.kill()
        worker = int((both.marks / "started").read_text())
        processes.append(three := both.start("three"))
        three.until_said("bench: waiting for process")
        gone = f"bench: process {one.pid} on one is gone; pretrain sleeps"
        until(lambda: gone in two.said() + three.said())  # whichever looked first after its patience
        until(lambda: int((both.marks / "started").read_text() or worker) != worker)
        (both.marks / "go").touch()
        results = [two.ended(), three.ended()]
        assert [ran.code for ran in results] == [0, 0], results
        tables = [[{**row, "cached": None} for row in ran.rows] for ran in results]
        assert tables[0] == tables[1]
        (taker,) = (ran.err for ran in results if "is gone" in ran.err)
        assert taker.count("] pretrain sleeps on small seed 0: done") == 1
        assert both.left() == []
    finally:
        for process in processes:
            process.kill()
