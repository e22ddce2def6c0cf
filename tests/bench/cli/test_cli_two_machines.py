"""Runs on two machines that share a folder: each cell is done once, the other helps and waits, and takes over from a
dead one. Real processes; the second machine is another name of this one, so that it knows no process of the first.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from command_line import BENCH, environment
from odd_encoders import install_odd_encoders
from small_corpora import random_corpus

pytestmark = pytest.mark.slow


class TwoMachines:
    """A corpus, an encoder that trains until it is told to stop, and a folder of results."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.runs, self.marks = folder, folder / "runs", folder / "marks"
        self.corpus = random_corpus(folder / "corpus", sessions=30).folder
        self.plugins = install_odd_encoders(folder / "plugins")
        self.marks.mkdir()

    def start(self, node: str) -> subprocess.Popen[str]:
        words = ["run", "--task", "ctr", "--encoder", "sleeps,steady", "--dataset", self.corpus, "--seeds", 1]
        words += ["--baseline", "transearch", "--set", "epochs=1", "--set", f"folder={self.marks}", "--jobs", 1]
        words += ["--device", "cpu", "--json", "--out", self.runs]
        log = (self.folder / f"{node}.log").open("w")
        return subprocess.Popen(
            [BENCH, *map(str, words)],
            env=environment([self.plugins], BENCH_NODE=node, BENCH_CLAIM_PATIENCE="4"),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )

    def said(self, node: str) -> str:
        return (self.folder / f"{node}.log").read_text()

    def until_said(self, node: str, text: str) -> None:
        """Waits for a line; the test's own time limit is the machine's patience."""
        while text not in self.said(node):
            time.sleep(0.05)

    def left(self) -> list[str]:
        return [path.name for path in self.runs.rglob("*") if ".writing-" in path.name or "claim" in path.name]


def test_two_machines_on_one_folder(tmp_path: Path) -> None:
    both = TwoMachines(tmp_path)
    processes = [both.start("one")]
    try:
        while not (both.marks / "started").exists():
            time.sleep(0.05)
        processes.append(both.start("two"))
        both.until_said("two", "bench: waiting for process")
        assert f"waiting for process {processes[0].pid} on one: pretrain sleeps on small seed 0\n" in both.said("two")
        cells = [json.loads(file.read_text()) for file in both.runs.glob("cells/*/cell.json")]
        assert len(cells) == 2, "it has done what was to be done: the cells of steady and of vanilla"

        os.killpg(processes[0].pid, signal.SIGKILL)
        worker = int((both.marks / "started").read_text())
        processes.append(both.start("three"))
        both.until_said("three", "bench: waiting for process")
        both.until_said("two", f"bench: process {processes[0].pid} on one is gone; pretrain sleeps")
        while int((both.marks / "started").read_text() or worker) == worker:
            time.sleep(0.05)
        (both.marks / "go").touch()
        results = [json.loads(process.communicate(timeout=120)[0]) for process in processes[1:]]
        assert [process.returncode for process in processes[1:]] == [0, 0], both.said("two") + both.said("three")
        two, three = ([{**row, "cached": None} for row in rows] for rows in results)
        assert two == three
        assert both.said("two").count("] pretrain sleeps on small seed 0: done") == 1
        assert "is gone" not in both.said("three"), "of two that watched the dead one's claim, one has it"
        assert both.left() == []
    finally:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
