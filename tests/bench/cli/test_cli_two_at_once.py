"""Two equal commands started together in a fresh folder: one makes the corpus, the other waits for it and uses it."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest
from command_line import ForkedCommand, Ran
from event_logs import small_log, write_log

from bench.claiming import claimed

pytestmark = pytest.mark.slow

SMALL = ("--set", "sessions=300", "--set", "downstream=120", "--set", "shown=10")


def at_once(*commands: tuple[object, ...], lock: Path | None = None) -> list[Ran]:
    """Starts commands without waiting in between; what became of each.

    Args:
        commands: without ``bench``.
        lock: a folder that is claimed until all of them wait for it, so that none comes before or after the others.
    """
    with claimed(lock) if lock is not None else nullcontext():
        started = [ForkedCommand(["bench", *map(str, command)]) for command in commands]
        for one in started if lock is not None else ():
            said = one.first_line()
            assert said.startswith(f"bench: {lock} is being made by process {os.getpid()} on "), said
    return [one.ended() for one in started]


@pytest.mark.parametrize("attempt", range(3))
def test_two_equal_runs_in_a_fresh_folder_print_the_same_table(attempt: int, tmp_path: Path) -> None:
    command: list[object] = ["run", "--task", "ctr", "--baseline", "transearch", "--encoder", "random"]
    command += ["--seeds", 1, *SMALL]
    command += ["--set", "epochs=1", "--device", "cpu", "--jobs", 1, "--out", tmp_path, "--json"]
    one, other = at_once(tuple(command), tuple(command))
    assert (one.code, other.code) == (0, 0), one.err + other.err
    tables = [[{**row, "cached": None} for row in ran.rows] for ran in (one, other)]
    assert tables[0] == tables[1]
    assert all(row["status"] == "done" for row in tables[0])
    assert len([line for line in (one.err + other.err).splitlines() if "is being made by process" in line]) <= 1
    assert len(list((tmp_path / "corpora").iterdir())) == 1, "no lock, nothing half-written"
    assert not [path for path in tmp_path.rglob("*") if ".writing" in path.name or ".broken" in path.name]


def test_of_three_that_make_a_corpus_two_wait_and_use_it(tmp_path: Path) -> None:
    command = ("data", "make", "beauty", *SMALL, "--to", tmp_path / "c")
    ran = at_once(*[command] * 3, lock=tmp_path / "c")
    assert [one.code for one in ran] == [0, 0, 0], [one.err for one in ran]
    assert len({one.out for one in ran}) == 1
    assert sum("making beauty: 100%" in one.err for one in ran) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_two_that_make_different_corpora_in_one_place_are_told_apart(tmp_path: Path) -> None:
    command = ("data", "make", "beauty", *SMALL, "--to", tmp_path / "c", "--set")
    ran = at_once((*command, "seed=1"), (*command, "seed=2"), lock=tmp_path / "c")
    assert sorted(one.code for one in ran) == [0, 2]
    assert any("is there already" in one.err for one in ran)


def test_two_equal_ingestions_give_one_corpus_and_the_same_report(tmp_path: Path) -> None:
    log, folder = write_log(tmp_path / "log", small_log(), ".parquet"), tmp_path / "out" / "c"
    command = ("data", "ingest", log, "--to", folder, "--keep-text-only")
    one, other = at_once(command, command, lock=folder)
    assert (one.code, other.code) == (0, 0), one.err + other.err
    assert one.out == other.out
    assert "read: " in one.out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["c"]
    shutil.rmtree(folder)
    ran = at_once(command, ("data", "ingest", log, "--to", folder), lock=folder)
    assert sorted(one.code for one in ran) == [0, 2], "another corpus is not taken for the same"


def test_processes_that_derive_the_same_columns_leave_one_folder(tmp_path: Path) -> None:
    assert at_once(("data", "make", "beauty", *SMALL, "--to", tmp_path / "c"))[0].code == 0
    columns = tmp_path / "c" / "columns"
    before = json.loads((columns / "meta.json").read_text())
    columns.rename(tmp_path / "earlier")
    ran = at_once(*[("data", "stats", tmp_path / "c", "--json")] * 3)
    assert [one.code for one in ran] == [0, 0, 0], [one.err for one in ran]
    assert len({one.out for one in ran}) == 1
    after = json.loads((columns / "meta.json").read_text())
    assert [one["sha256"] for one in after["files"].values()] == [one["sha256"] for one in before["files"].values()]
    assert not [path.name for path in (tmp_path / "c").iterdir() if path.name.startswith("columns.")]
