"""Ctrl-C ends a run at once: no process is left, nothing half-done counts, and the same command goes on from there."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from command_line import BENCH, bench_fork, environment
from odd_encoders import install_odd_encoders
from small_corpora import random_corpus
from waiting import until

pytestmark = pytest.mark.slow


def alive(group: int) -> bool:
    """Whether a process of this group is left (one that only waits to be collected is not)."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
    return any(line.split()[0] == str(group) and line.split()[1][0] != "Z" for line in listed.splitlines())


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGKILL], ids=["terminated", "killed"])
def test_a_run_that_is_ended_leaves_no_worker_and_the_next_goes_on(signal_: signal.Signals, tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "corpus", sessions=30).folder
    plugins, marks, runs = install_odd_encoders(tmp_path / "plugins"), tmp_path / "marks", tmp_path / "runs"
    marks.mkdir()
    command = [BENCH, "run", "--task", "ctr", "--encoder", "sleeps", "--dataset", corpus, "--seeds", "1", "--out", runs]
    command += ["--baseline", "transearch", "--set", "epochs=1", "--set", f"folder={marks}", "--jobs", "2"]
    run = subprocess.Popen(
        command, env=environment([plugins]), start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        until(lambda: (marks / "started").exists() and any(runs.glob("cells/*/cell.json")), seconds=60)
        run.send_signal(signal_)
        run.communicate(timeout=20)
        assert run.returncode == {signal.SIGTERM: 130, signal.SIGKILL: -signal.SIGKILL}[signal_]
        until(lambda: not alive(run.pid), seconds=10, why="a worker is left behind")
    finally:
        if alive(run.pid):
            os.killpg(run.pid, signal.SIGKILL)
    finished = {
        path: path.stat().st_mtime_ns for path in runs.glob("cells/*/cell.json") if ".writing-" not in str(path)
    }
    assert len(finished) == 1, "vanilla's cell"
    (marks / "go").touch()
    again = bench_fork(*command[1:], plugins=[plugins])
    assert again.code == 0, again.err
    assert all(path.stat().st_mtime_ns == then for path, then in finished.items()), "what was done is done again"


def listen_to_ctrl_c() -> None:
    """As at a terminal, even where these tests were started in the background, which hands on a deaf ear."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("to_whole_group", [True, False], ids=["as a terminal does", "to the command alone"])
def test_ctrl_c(to_whole_group: bool, tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "corpus", sessions=30).folder
    plugins, marks, runs = install_odd_encoders(tmp_path / "plugins"), tmp_path / "marks", tmp_path / "runs"
    marks.mkdir()
    command = [BENCH, "run", "--task", "ctr", "--encoder", "sleeps", "--dataset", corpus, "--seeds", "1", "--out", runs]
    # one baseline: beside more of them, vanilla has more cells to finish than one
    command += ["--baseline", "transearch", "--set", "epochs=1", "--set", f"folder={marks}", "--jobs", "2"]
    command += ["--device", "cpu", "--json"]
    run = subprocess.Popen(
        command,
        env=environment([plugins]),
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=listen_to_ctrl_c,
    )
    try:
        # the long job beside vanilla's cell, which is finished by the time that Ctrl-C comes
        until(lambda: (marks / "started").exists() and any(runs.glob("cells/*/cell.json")), seconds=60)
        if to_whole_group:
            os.killpg(run.pid, signal.SIGINT)
        else:
            run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=20)
        assert run.returncode == 130, err
        assert out == ""
        assert err.splitlines()[-1].startswith("bench: stopped; what was finished is kept"), err
        assert "Traceback" not in err, err
        until(lambda: not alive(run.pid), seconds=5, why="a process is left behind")
    finally:
        if alive(run.pid):
            os.killpg(run.pid, signal.SIGKILL)

    finished = {path: path.stat().st_mtime_ns for path in runs.glob("*/*/*.json") if ".writing-" not in str(path)}
    assert [path.name for path in finished] == ["cell.json"], "only vanilla's cell was done"
    assert not list(runs.glob("*/*.writing-*/*.json"))

    (marks / "go").touch()
    again = bench_fork(*command[1:], plugins=[plugins])
    assert again.code == 0, again.err
    assert all(path.stat().st_mtime_ns == then for path, then in finished.items()), "what was done is done again"
