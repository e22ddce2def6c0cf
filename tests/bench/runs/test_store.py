"""A result is there whole or not at all, and only a finished one counts."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path

import pytest

from bench.claiming import Claim
from bench.runs.store import RECORDS, Store, write_record


def publish(store: Store, key: str, status: str = "done", kind: str = "cells", **more: object) -> None:
    with store.publish(kind, key) as folder:
        write_record(folder, kind, {"status": status, **more})


def said(store: Store, key: str, kind: str = "cells") -> dict[str, object]:
    """A record without its checksums."""
    record = store.read(kind, key)
    assert record is not None
    return {name: value for name, value in record.items() if name not in ("files", "checksum", "format")}


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
    assert said(store, "k", kind) == {"status": "done", "name": "ü"}
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
    assert said(store, "k") == {"status": "done", "name": "first"}
    assert not (store.folder("cells", "k") / "scores.parquet").exists()


def test_a_failed_result_is_replaced(tmp_path: Path) -> None:
    store = Store(tmp_path)
    publish(store, "k", "failed")
    assert said(store, "k") == {"status": "failed"}
    assert not store.is_done("cells", "k")
    publish(store, "k")
    assert store.is_done("cells", "k")


@pytest.mark.parametrize("text", ["", "{", "\x00\xff", '{"status": "done"', "[]", "3", "{}"])
def test_a_damaged_record_is_set_aside_and_missing(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path)
    publish(store, "k")
    (store.folder("cells", "k") / "cell.json").write_text(text, encoding="latin-1")
    assert store.read("cells", "k") is None
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert str(store.folder("cells", "k")) in said
    assert "k.broken-1" in said
    assert (tmp_path / "cells" / "k.broken-1" / "cell.json").read_text(encoding="latin-1") == text, "nothing is lost"
    assert store.read("cells", "k") is None
    assert capsys.readouterr().err == "", "it is said once"
    publish(store, "k")
    assert store.is_done("cells", "k")


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        ("flipped", "scores.parquet is not as it was written"),
        ("flipped, its time put back", "scores.parquet is not as it was written"),
        ("cut", "scores.parquet is not as it was written"),
        ("gone", "scores.parquet is gone"),
        ("record edited", "the record is not as it was written"),
        ("of an earlier version", "the record has no checksums"),
        ("of another key", "the record is that of other"),
    ],
)
def test_a_result_that_is_not_as_it_was_written_is_set_aside(
    tmp_path: Path, harm: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A flipped bit changes no number, and a record of the time before checksums is not read."""
    store = Store(tmp_path)
    key = "other" if harm == "of another key" else "k"
    with store.publish("cells", key) as folder:
        (folder / "scores.parquet").write_bytes(bytes(range(200)))
        write_record(folder, "cells", {"status": "done", "key": key, "metrics": {"auc": 0.5}})
    scores, record = (store.folder("cells", key) / name for name in ("scores.parquet", "cell.json"))
    before, whole = scores.stat(), scores.read_bytes()
    if harm.startswith("flipped"):
        scores.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
        if "time" in harm:  # as a bad disk does it
            os.utime(scores, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif harm == "cut":
        scores.write_bytes(whole[:-1])
    elif harm == "gone":
        scores.unlink()
    elif harm == "record edited":
        record.write_text(record.read_text().replace("0.5", "0.6"))
    elif harm == "of an earlier version":
        old = json.loads(record.read_text())
        record.write_text(json.dumps({name: old[name] for name in ("status", "key", "metrics")}))
    else:
        store.folder("cells", "other").rename(store.folder("cells", "k"))
    assert not Store(tmp_path).is_done("cells", "k")
    assert why in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "cells").iterdir()] == ["k.broken-1"]


def test_a_sound_result_stays_where_another_process_was_as_fast(tmp_path: Path) -> None:
    """Somebody may be reading it; and a failure never replaces what is done."""
    store = Store(tmp_path)
    for status, name in (("failed", "a"), ("done", "b"), ("done", "c"), ("failed", "d")):
        publish(store, "k", status, name=name)
    assert said(store, "k") == {"status": "done", "name": "b"}
    assert [path.name for path in (tmp_path / "cells").iterdir()] == ["k"]


def test_two_broken_results_of_one_key_are_both_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for _ in range(2):
        publish(store, "k")
        (store.folder("cells", "k") / "cell.json").write_text("{")
        assert store.read("cells", "k") is None
    assert {path.name for path in (tmp_path / "cells").iterdir()} == {"k.broken-1", "k.broken-2"}


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


def test_the_claim_of_a_process_that_was_killed_when_all_was_stored_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    with monkeypatch.context() as context:
        context.setattr("bench.claiming._began", lambda pid: 1)  # long before this process
        assert Claim(store.claim("cells", "dead"), 1, None).make()
        assert Claim(store.claim("encoders", "dead"), 1, None).make()
    assert Claim(store.claim("cells", "alive"), 1, None).make()
    store.tidy("encoders", "dead")
    assert not list((tmp_path / "claims").glob("encoders-*")), "its result is asked for, and there"
    store.sweep()
    assert [path.name for path in (tmp_path / "claims").iterdir()] == ["cells-alive.claim-1"]
