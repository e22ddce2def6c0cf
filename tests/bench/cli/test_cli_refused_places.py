"""What the system refuses is one line in every command that writes: a full disk, a place nobody may write to, a file
where a folder should be, a name that is too long. Real places: nothing is patched.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Ran, bench_here
from event_logs import small_log, write_log
from small_corpora import random_corpus

from bench.errors import BenchError, system_error

SMALL = ("--set", "sessions=100", "--set", "downstream=50")
COMMANDS = (
    "pretrain", "embed", "make", "make to", "ingest", "fetch", "truth", "stats", "run", "record", "tables",
    "tables to", "figures", "score", "new-plugin", "validate", "show", "check", "run on", "map",
)  # fmt: skip
ABSENT = ("no such", "not a corpus", "no cell", "no gate")
WORDS = {
    "below a file": ("not a directory", "file exists", *ABSENT),
    "long": ("file name too long", *ABSENT),
    "forbidden": ("permission denied", "not permitted", "read-only", *ABSENT),
    "read-only": ("read-only", *ABSENT),
    "full": ("no space left", *ABSENT),
}
"""What a line says of each place: the system's word, or that nothing of the kind stands there."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus, a log and a folder of results."""
    folder = tmp_path_factory.mktemp("here")
    random_corpus(folder / "small", sessions=50)
    write_log(folder / "log", small_log(), "csv")
    (folder / "file").write_text("a file")
    # what commands read from --out before they write to --to
    assert bench_here("run", *grid(folder), "--out", folder / "ok").code == 0
    assert bench_here("data", "make", "beauty", *SMALL, "--out", folder / "ok").code == 0
    assert bench_here("embed", *encoder(folder), "--out", folder / "ok", "--to", folder / "v.parquet").code == 0
    return folder


def grid(here: Path) -> list[object]:
    task = ["--task", "ctr", "--baseline", "chance", "--encoder", "vanilla"]
    return [*task, "--dataset", here / "small", "--seeds", 1, "--device", "cpu"]


def encoder(here: Path) -> list[object]:
    return ["--encoder", "random", "--dataset", here / "small", "--device", "cpu"]


def command(name: str, here: Path, place: Path) -> list[object]:
    """A command that would write to ``place``, or read from it."""
    ok = ["--out", here / "ok"]
    return {
        "pretrain": ["pretrain", *encoder(here), "--out", place],
        "embed": ["embed", *encoder(here), *ok, "--to", place / "v.parquet"],
        "make": ["data", "make", "beauty", *SMALL, "--out", place],
        "make to": ["data", "make", "beauty", *SMALL, "--to", place / "c"],
        "ingest": ["data", "ingest", here / "log", "--to", place],
        "fetch": ["data", "fetch", "fashioniq", "--from", here / "log", "--to", place],
        "truth": ["data", "truth", "beauty", *SMALL, *ok, "--to", place / "t.parquet"],
        "stats": ["data", "stats", "beauty", *SMALL, "--out", place],
        "run": ["run", *grid(here), "--out", place],
        "record": ["run", *grid(here), *ok, "--record", place],
        "tables": ["tables", "quick", "--no-run", "--out", place],
        "tables to": ["tables", "quick", "--part", "table1", "--no-run", *ok, "--to", place],
        "figures": ["figures", "quick", "--out", place],
        "score": ["score", "--metric", "ndcg@5", *grid(here), *ok, "--to", place],
        "new-plugin": ["new-plugin", "thing", "--to", place],
        "validate": ["data", "validate", place],
        "show": ["show", "a/b/0", "--out", place],
        "check": ["check", place, "--update"],
        "run on": ["run", "--task", "ctr", "--encoder", "vanilla", "--dataset", place, *ok],
        "map": ["data", "ingest", here / "log", "--to", here / "z", "--map", place],
    }[name]


SLOW = ("tables", "tables to", "figures")  # make the corpora of an experiment where they can
"""Left out where a corpus could be made."""


@pytest.fixture(scope="module")
def mounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """A file system without room, and one that cannot be written to."""
    places = {"full": "size=64k", "read-only": "size=64k,ro"}
    folders = {name: tmp_path_factory.mktemp("mounted") for name in places}
    done: list[Path] = []
    try:
        for name, folder in folders.items():
            mount = ["mount", "-t", "tmpfs", "-o", places[name], "tmpfs", str(folder)]
            try:
                permitted = subprocess.run(mount, capture_output=True).returncode == 0
            except FileNotFoundError:
                permitted = False
            if not permitted:
                pytest.skip("nothing can be mounted here")
            done.append(folder)
        (folders["full"] / "fill").write_bytes(b"x" * 60_000)
        yield folders
    finally:
        for folder in done:
            subprocess.run(["umount", str(folder)], check=True)


def said(ran: Ran, name: str, kind: str) -> None:
    """One line, for people, in the system's words or because nothing stands there."""
    errors = [line for line in ran.err.splitlines() if not re.search(r"\d+ %|\d%, \d+ s", line)]  # progress
    lines = errors if ran.code == 2 else ran.out.splitlines()
    assert ran.code in (1, 2), (name, kind, ran)
    assert ran.code == 2 or name == "validate", (name, kind, ran)
    assert "Traceback" not in ran.err, (name, kind)
    assert len(lines) == 1, (name, kind, ran)
    assert len(lines[0]) < 700, (name, kind)
    assert any(word in lines[0].lower() for word in WORDS[kind]), (name, kind, lines[0])


@pytest.mark.parametrize("kind", ["below a file", "long", "forbidden"])
def test_a_place_that_cannot_be(kind: str, here: Path) -> None:
    if kind == "forbidden" and not Path("/sys/kernel").is_dir():
        pytest.skip("no /sys, in which not even root makes a folder")
    place = {"below a file": here / "file" / "x", "long": here / ("n" * 300), "forbidden": Path("/sys/bench")}[kind]
    for name in COMMANDS:
        if name == "run" and kind != "long":  # workers import torch: one will do
            continue
        said(bench_here(*command(name, here, place)), name, kind)
    left = [path.name for path in here.rglob("*.writing-*")]
    assert not left


@pytest.mark.parametrize("kind", ["full", "read-only"])
def test_a_disk_that_takes_nothing(kind: str, here: Path, mounted: dict[str, Path]) -> None:
    for name in COMMANDS:
        if name in ("fetch", "run on", "map", "validate", "show", "check", *(SLOW if kind == "full" else ())):
            continue
        place = mounted[kind] / name.replace(" ", "-")
        ran = bench_here(*command(name, here, place))
        if kind == "full" and name == "run":  # the smallest result has room
            assert ran.code in (0, 2)
        elif kind == "full" and name == "pretrain" and "bench show" in ran.err:
            assert "No space left" in ran.err
        else:
            said(ran, name, kind)
    left = [path.name for path in mounted[kind].rglob("*.writing-*")]
    assert not left, "what was begun is taken away"


def test_what_the_system_says_has_a_place_and_a_way_out() -> None:
    for error, line in (
        (OSError(28, "No space left on device"), "no space left on device (free some"),
        (OSError(36, "File name too long", "/x/" + "n" * 300), "n: file name too long (give it a shorter name)"),
        (PermissionError(13, "Permission denied", b"/\xff"), "/\\udcff: permission denied (name a folder"),
        (OSError("a library's own words"), "a library's own words"),
        (OSError(), "OSError"),
    ):
        made = system_error(error)
        assert isinstance(made, BenchError)
        assert line in str(made)
        assert len(str(made)) < 400
