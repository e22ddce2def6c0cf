"""Of several processes, on one machine or on several, one holds a claim; a dead one's is taken over by one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from waiting import until

from bench import claiming
from bench.claiming import Claim, Claimant, claimed, holder_of, tidy

HOLD = """
import sys, time
from pathlib import Path
from bench.claiming import claimed
place, marks = Path(sys.argv[1]), Path(sys.argv[2])
with claimed(place, lambda holder: (marks / f"waits {sys.argv[3]}").write_text(holder)):
    assert not (marks / "held").exists(), "two hold the claim at once"
    (marks / "held").touch()
    (marks / f"began {sys.argv[3]}").touch()
    while not (marks / "go").exists():
        time.sleep(0.01)
    (marks / "held").unlink()
"""


def holder(place: Path, marks: Path, name: str, node: str = "", patience: str = "2") -> subprocess.Popen[bytes]:
    """A process, on this machine or on one called ``node``, that claims ``place`` until there is a file called go."""
    known = {**os.environ, "BENCH_NODE": node, claiming.PATIENCE: patience}
    return subprocess.Popen([sys.executable, "-c", HOLD, place, marks, name], env=known)


def any_is_there(files: Sequence[Path]) -> bool:
    return any(file.exists() for file in files)


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if ".claim-" in path.name]


def test_one_holds_the_claim_and_others_wait_on_whatever_machine(tmp_path: Path) -> None:
    place = tmp_path / "made"
    first = holder(place, tmp_path, "first", "one")
    until((tmp_path / "began first").exists)
    others = [holder(place, tmp_path, name, node) for name, node in (("second", "one"), ("third", "two"))]
    until((tmp_path / "waits second").exists)
    until((tmp_path / "waits third").exists)
    assert (tmp_path / "waits third").read_text() in (f"process {first.pid} on one", "")  # it may be in writing
    (tmp_path / "go").touch()
    assert [process.wait(60) for process in (first, *others)] == [0, 0, 0]
    assert left(tmp_path) == []


def test_the_claim_of_a_killed_process_is_taken_over_by_one(tmp_path: Path) -> None:
    """At once on its own machine; elsewhere when it has been silent. What it left half-written goes too."""
    place = tmp_path / "made"
    for number, nodes in enumerate((("", "", ""), ("gone", "two", "three"))):
        marks = tmp_path / f"marks {number}"
        marks.mkdir()
        killed = holder(place, marks, "killed", nodes[0])
        until((marks / "began killed").exists)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        (marks / "held").unlink()
        half = place.with_name(f"made.writing-{killed.pid}@{nodes[0]}") if nodes[0] else None
        if half is not None:
            half.touch()
        takers = [holder(place, marks, f"taker {n}", node) for n, node in enumerate(nodes[1:])]
        began = [marks / f"began taker {n}" for n in range(2)]
        until(partial(any_is_there, began))
        assert half is None or not half.exists()
        (marks / "go").touch()
        assert [taker.wait(60) for taker in takers] == [0, 0], "one after the other"
        assert left(tmp_path) == []


def test_a_silent_claim_of_a_living_process_is_lost_to_another_machine_and_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The holder is suspended while another machine watches: it must neither beat nor release what is not its own."""
    place, clock = tmp_path / "a", [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    mine = Claimant().take(place)
    assert mine is not None
    claiming._heart.leave(mine)  # suspended: no beats
    monkeypatch.setenv("BENCH_NODE", "another")
    watcher = Claimant()
    assert watcher.take(place) is None
    clock[0] = claiming.patience() - 1
    mine.beat()
    clock[0] += 2
    assert watcher.take(place) is None, "it has beaten in between"
    clock[0] += claiming.patience() + 1
    taken = watcher.take(place)
    assert taken is not None
    mine.beat()
    assert mine.lost
    mine.release()
    assert holder_of(place) is not None, "another's claim stands"
    taken.release()
    assert left(tmp_path) == []


def test_a_claim_made_upon_one_that_has_gone_meanwhile_is_withdrawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow taker: what it saw dead was taken over, released and claimed anew before it made its own."""
    place = tmp_path / "a"
    dead = Claim(place, 1, None)
    assert dead.make()
    newer: list[Claim | None] = []
    make = Claim.make

    def slow(claim: Claim) -> bool:
        if not newer:
            newer.append(None)
            dead.release()
            newer[0] = Claimant().take(place)
        return make(claim)

    monkeypatch.setattr(Claim, "make", slow)
    with monkeypatch.context() as context:
        context.setattr(claiming.Holder, "is_gone", lambda holder: not newer)  # the first only
        assert Claimant().take(place) is None
    assert newer[0] is not None
    assert newer[0].is_mine()
    newer[0].release()
    assert left(tmp_path) == []


@pytest.mark.parametrize("text", [b"", b"\xff\n[", b"000000000001\n{}\n"])
def test_an_unreadable_claim_counts_until_it_has_been_silent(
    text: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.claim-1").write_bytes(text)
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    claimant = Claimant()
    assert claimant.take(tmp_path / "a") is None
    clock[0] = claiming.patience() + 1
    claim = claimant.take(tmp_path / "a")
    assert claim is not None
    claim.release()
    assert left(tmp_path) == []


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    claim = Claimant().take(tmp_path / "a")
    assert claim is not None
    assert Claimant().take(tmp_path / "a") is None
    claim.release()
    assert left(tmp_path) == []


def test_a_number_of_a_process_that_is_somebody_elses_by_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as context:
        context.setattr(claiming, "_began", lambda pid: 1)  # long before this process
        assert Claim(tmp_path / "a", 1, None).make()
    with claimed(tmp_path / "a", lambda who: pytest.fail(f"{who} does not run any more")):
        pass
    assert Claim(tmp_path / "b", 1, None).make()
    tidy(tmp_path / "b")
    assert left(tmp_path) == ["b.claim-1"], "it lives"
