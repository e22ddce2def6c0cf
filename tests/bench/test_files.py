"""What is written is there whole or not at all, and of several processes one holds a lock."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.files import beside, files_written_whole, folder_written_whole, locked, sweep, written_whole

HOLD = """
import sys, time
from pathlib import Path
from bench.files import locked
place, marks = Path(sys.argv[1]), Path(sys.argv[2])
with locked(place, lambda: (marks / f"waits {sys.argv[3]}").touch()):
    assert not (marks / "held").exists(), "two hold the lock at once"
    (marks / "held").touch()
    (marks / f"began {sys.argv[3]}").touch()
    while not (marks / "go").exists():
        time.sleep(0.01)
    (marks / "held").unlink()
"""


def holder(place: Path, marks: Path, name: str) -> subprocess.Popen[bytes]:
    """A process that takes the lock of ``place`` and keeps it until there is a file called go."""
    return subprocess.Popen([sys.executable, "-c", HOLD, place, marks, name])


def until(file: Path) -> None:
    """Waits for a file; the test's own time limit is the machine's patience."""
    while not file.exists():
        time.sleep(0.01)


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


def test_one_process_holds_the_lock_and_the_others_wait_and_say_so(tmp_path: Path) -> None:
    place = tmp_path / "made"
    first = holder(place, tmp_path, "first")
    until(tmp_path / "began first")
    others = [holder(place, tmp_path, name) for name in ("second", "third")]
    until(tmp_path / "waits second")
    until(tmp_path / "waits third")
    (tmp_path / "go").touch()
    assert [process.wait(60) for process in (first, *others)] == [0, 0, 0]
    assert (tmp_path / "began third").exists()
    assert not list(tmp_path.glob("*.lock"))


def test_a_killed_process_gives_its_lock_back(tmp_path: Path) -> None:
    place = tmp_path / "made"
    killed = holder(place, tmp_path, "killed")
    until(tmp_path / "began killed")
    killed.kill()
    killed.wait()
    with locked(place, lambda: pytest.fail("nobody holds it")):
        assert place.with_name("made.lock").exists()
    assert not list(tmp_path.glob("*.lock"))
