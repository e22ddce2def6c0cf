"""A result is there whole or not at all, and only a finished one counts."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.runs.store import RECORDS, Store, write_record


def publish(store: Store, key: str, status: str = "done", kind: str = "cells", **more: object) -> None:
    with store.publish(kind, key) as folder:
        write_record(folder, kind, {"status": status, **more})


def publish_often(root: str, mark: int) -> None:
    store = Store(root)
    for turn in range(60):
        with store.publish("cells", "contested") as folder:
            (folder / "other").write_text(f"{mark} {turn}")
            write_record(folder, "cells", {"status": "done", "mark": mark, "turn": turn})


@pytest.mark.parametrize("kind", RECORDS)
def test_what_was_written_is_read(tmp_path: Path, kind: str) -> None:
    store = Store(tmp_path / "runs")
    assert store.read(kind, "k") is None
    assert not store.is_done(kind, "k")
    publish(store, "k", kind=kind, name="ü")
    assert store.read(kind, "k") == {"status": "done", "name": "ü"}
    assert store.is_done(kind, "k")


def test_nothing_is_seen_before_the_block_ends(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.publish("cells", "k") as folder:
        write_record(folder, "cells", {"status": "done"})
        assert store.read("cells", "k") is None
        assert not store.folder("cells", "k").exists()
    assert store.is_done("cells", "k")
    assert [path.name for path in (tmp_path / "cells").iterdir()] == ["k"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_interrupted_block_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    store = Store(tmp_path)

    def stopped() -> None:
        with store.publish("cells", "k") as folder:
            (folder / "scores.parquet").write_text("half")
            raise error

    with pytest.raises(error):
        stopped()
    assert not list((tmp_path / "cells").iterdir())
    publish(store, "k", name="first")
    with pytest.raises(error):
        stopped()
    assert store.read("cells", "k") == {"status": "done", "name": "first"}
    assert not (store.folder("cells", "k") / "scores.parquet").exists()


def test_a_failed_result_is_replaced(tmp_path: Path) -> None:
    store = Store(tmp_path)
    publish(store, "k", "failed")
    assert store.read("cells", "k") == {"status": "failed"}
    assert not store.is_done("cells", "k")
    publish(store, "k")
    assert store.is_done("cells", "k")


@pytest.mark.parametrize("text", ["", "{", "\x00\xff", '{"status": "done"', "[]", "3", "{}"])
def test_a_damaged_record_is_an_error_for_people(tmp_path: Path, text: str) -> None:
    store = Store(tmp_path)
    publish(store, "k")
    file = store.folder("cells", "k") / "cell.json"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(BenchError) as caught:
        store.is_done("cells", "k")
    assert str(file) in str(caught.value)
    assert "remove the folder" in str(caught.value)


def test_a_folder_without_its_record_does_not_exist(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (store.folder("cells", "k")).mkdir(parents=True)
    (store.folder("cells", "k.writing-1")).mkdir()
    write_record(store.folder("cells", "k.writing-1"), "cells", {"status": "done"})
    assert store.read("cells", "k") is None
    publish(store, "k")
    assert store.is_done("cells", "k")


def test_two_processes_may_publish_the_same_result(tmp_path: Path) -> None:
    context = get_context("spawn")
    writers = [context.Process(target=publish_often, args=(str(tmp_path), mark)) for mark in range(2)]
    for writer in writers:
        writer.start()
    store = Store(tmp_path)
    while any(writer.is_alive() for writer in writers):
        record = store.read("cells", "contested")
        assert record is None or record["status"] == "done"
    assert [writer.exitcode for writer in writers] == [0, 0]
    record = store.read("cells", "contested")
    assert record is not None
    assert (store.folder("cells", "contested") / "other").read_text() == f"{record['mark']} {record['turn']}"
    assert len(list((tmp_path / "cells").iterdir())) == 1


def test_what_dead_processes_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    store = Store(tmp_path)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    here, cells = platform.node(), tmp_path / "cells"
    dead, alive = f"a.writing-{gone.pid}@{here}", f"a.writing-{os.getpid()}@{here}"
    elsewhere = f"a.writing-{gone.pid}@another-machine"
    for name in (dead, f"{dead}-earlier", alive, elsewhere, "a"):
        (cells / name).mkdir(parents=True)
    store.sweep()
    assert {path.name for path in cells.iterdir()} == {alive, elsewhere, "a"}
