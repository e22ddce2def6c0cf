"""What is written is there whole or not at all."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from bench.files import beside, files_written_whole, folder_written_whole, runs, sweep, written_whole


def test_a_file_is_seen_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "a.txt"
    with written_whole(file) as writing:
        writing.write_text("half")
        assert not file.exists()
        assert writing.parent == file.parent, "a rename must not cross file systems"
        writing.write_text("whole")
    assert file.read_text() == "whole"

    def stopped() -> None:
        with written_whole(file) as writing:
            writing.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert file.read_text() == "whole"
    assert [path.name for path in file.parent.iterdir()] == ["a.txt"]


def test_a_folder_replaces_an_earlier_one_unless_that_is_to_be_kept(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    for text, keep in (("first", False), ("second", False), ("third", True)):
        with folder_written_whole(folder, keep=lambda keep=keep: keep) as writing:
            (writing / "x").write_text(text)
    assert (folder / "x").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_files_join_those_that_are_there_all_or_none(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("stays")

    def failed() -> None:
        with files_written_whole(tmp_path / "out") as writing:
            (writing / "a").write_text("1")
            raise ValueError

    with pytest.raises(ValueError):
        failed()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["old"]
    with files_written_whole(tmp_path / "out") as writing:
        (writing / "a").write_text("1")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"old", "a"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_two_processes_never_write_under_one_name(tmp_path: Path) -> None:
    code = f"from pathlib import Path; from bench.files import beside; print(beside(Path({str(tmp_path / 'a')!r})))"
    theirs = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert theirs != str(beside(tmp_path / "a"))


def test_what_dead_processes_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    here = platform.node()
    dead = [f"a.writing-{gone.pid}@{here}", f"a[1].writing-{gone.pid}@{here}", f"a.writing-{gone.pid}@{here}-earlier"]
    kept = [f"a.writing-{os.getpid()}@{here}", f"a.writing-{gone.pid}@another-machine", "a", "a.writing-x@y"]
    for name in dead + kept:
        (tmp_path / name).mkdir()
    (tmp_path / f"file.writing-{gone.pid}@{here}").touch()
    sweep(tmp_path, "a[1]")
    assert {path.name for path in tmp_path.iterdir()} == {*dead, *kept, f"file.writing-{gone.pid}@{here}"} - {dead[1]}
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(kept)


def test_a_process_that_nobody_has_collected_runs_no_more() -> None:
    """In a container without an init, the workers of a killed run stay listed for ever."""
    child = os.fork()
    if not child:
        os._exit(0)
    try:
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # it has ended, and is still listed
        assert not runs(child)
    finally:
        os.waitpid(child, 0)
    assert runs(os.getpid())
