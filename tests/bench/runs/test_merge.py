"""``bench merge``: everything sound arrives once, what is there stays, and nobody's folder is changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from command_line import bench_here

from bench.runs.store import Store, write_record


def result(root: Path, key: str, scores: bytes = b"1", status: str = "done", kind: str = "cells") -> Path:
    """A stored result, with a time that is its own, as on another machine."""
    with Store(root).publish(kind, key) as folder:
        (folder / "scores.parquet").write_bytes(scores)
        (folder / "output.log").write_text(str(root))
        write_record(folder, kind, {"key": key, "status": status, "started": hash(str(root))})
    return root / kind / key


def contents(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Two sources and a target: what is only in one, in both, in all, failed here and done there."""
    one, two, to = tmp_path / "one", tmp_path / "two", tmp_path / "to"
    result(one, "aa")
    result(two, "bb")
    result(one, "ab")
    result(two, "ab")
    result(one, "ff", status="failed")
    result(two, "ff", b"2")
    result(one, "ee", kind="encoders")
    (one / "cells" / "cc.writing-1@elsewhere").mkdir()
    return one, two, to


def test_everything_sound_arrives_once_and_a_second_time_nothing(folders: tuple[Path, Path, Path]) -> None:
    one, two, to = folders
    before = contents(one), contents(two)
    ran = bench_here("merge", one, two, "--to", to)
    assert (ran.code, ran.out) == (0, f"7 results: 6 taken, 1 same, 0 failed, 0 conflict, 0 damaged; in {to}\n")
    assert (contents(one), contents(two)) == before
    assert {path.name for path in (to / "cells").iterdir()} == {"aa", "ab", "bb", "ff"}
    for kind, key in (("cells", "aa"), ("cells", "ab"), ("cells", "bb"), ("cells", "ff"), ("encoders", "ee")):
        assert Store(to).is_done(kind, key)
    after = contents(to)
    again = bench_here("merge", one, two, "--to", to)
    assert (again.code, again.out) == (0, f"7 results: 0 taken, 6 same, 1 failed, 0 conflict, 0 damaged; in {to}\n")
    assert contents(to) == after


def test_a_conflict_is_told_and_what_is_there_stays(folders: tuple[Path, Path, Path]) -> None:
    one, two, to = folders
    result(to, "aa", b"other")
    before = contents(to / "cells" / "aa")
    ran = bench_here("merge", one, two, "--to", to)
    assert ran.code == 1
    assert ran.err == f"{one}/cells/aa differs from the one in {to}, which stays: scores.parquet\n"
    assert contents(to / "cells" / "aa") == before
    rows = bench_here("merge", one, two, "--to", to, "--json").rows
    assert [(row["key"], row["files"]) for row in rows if row["outcome"] == "conflict"] == [("aa", ["scores.parquet"])]


def test_what_is_damaged_is_left_out_and_left_alone(folders: tuple[Path, Path, Path], tmp_path: Path) -> None:
    one, two, to = folders
    (one / "cells" / "aa" / "scores.parquet").write_bytes(b"3")
    (two / "cells" / "bb" / "cell.json").write_text("{")
    (secret := tmp_path / "secret").write_text("1")
    (two / "cells" / "ff" / "scores.parquet").unlink()
    (two / "cells" / "ff" / "scores.parquet").symlink_to(secret)
    before = contents(one), contents(two)
    for _ in range(2):
        ran = bench_here("merge", one, two, "--to", to)
        assert ran.code == 1
        assert {line.split()[0] for line in ran.err.splitlines() if line.endswith("is left out")} == {
            f"{one}/cells/aa", f"{two}/cells/bb", f"{two}/cells/ff",
        }  # fmt: skip
        assert (contents(one), contents(two)) == before
        assert {path.name for path in (to / "cells").iterdir()} == {"ab", "ff"}


def test_what_holds_no_results_is_one_line(folders: tuple[Path, Path, Path], tmp_path: Path) -> None:
    assert "holds no results" in bench_here("merge", tmp_path / "none", "--to", folders[2]).error
    assert "both a source and the target" in bench_here("merge", folders[0], "--to", folders[0]).error
