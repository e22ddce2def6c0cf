"""The commands that a crash may hit: what each finds in its folder, and how it is started."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from unittest.mock import patch

from event_logs import small_log, write_log

SMALL = "--set sessions=300 --set downstream=120 --set shown=10"
EXPERIMENT = """
    title = "Ours"
    seeds = 2
    champion = "random"
    source = "nobody"
    [settings]
    ctr.epochs = 1
    [[part]]
    id = "table2"
    title = "Clicks"
    task = "ctr"
    datasets = ["small"]
    baselines = ["transearch"]
    encoders = ["vanilla", "random"]
    metrics = ["ndcg@10", "hr@10"]
    layout = "table2"
"""
GATE = """
    dataset = "../small"
    seeds = 1
    task = "intent"
    encoders = ["meanpool"]
    settings = ["rounds=3"]
"""
GRID = "run --task ctr --baseline transearch,chance --encoder random --dataset small --seeds 2 --set epochs=1 --jobs 2"
PRETRAIN = "pretrain --encoder muvcog-m --dataset small --set steps=12 --set validate_every=3 --set batch_size=32"


@dataclass(frozen=True)
class Command:
    """A command on its folder.

    Attributes:
        words: without ``bench``; places are relative to the folder.
        after: the commands whose results it finds there; those of ``ground`` are always there.
    """

    words: str
    after: tuple[str, ...] = ()


COMMANDS = {
    "make": Command(f"data make beauty {SMALL} --set seed=2"),
    "ingest": Command("data ingest log --to ingested --keep-text-only"),
    "derive": Command("data stats stripped --json"),
    "pretrain": Command(f"{PRETRAIN} --device cpu"),
    "embed": Command("embed --encoder random --dataset small --device cpu --to v.parquet"),
    "run": Command(f"{GRID} --device cpu"),
    "record": Command(f"{GRID} --device cpu --record record", ("run",)),
    "tables": Command("tables ours.toml --device cpu --jobs 2 --to tables"),
    "report": Command("report ours.toml --device cpu --to page.html", ("tables",)),
    "check": Command("check golden --update --jobs 1 --out runs"),
    "ray": Command(f"{GRID} --device cpu --engine ray"),
}
"""By name. Each writes to ``runs``, and most to a place of their own too."""

USUAL = tuple(name for name in COMMANDS if name != "ray")
"""Those of a campaign that is not told; a cluster takes ten seconds to start."""


def ground(folder: Path) -> None:
    """What every command finds: a log, a corpus, one without columns, an experiment and a gate."""
    folder.mkdir(parents=True)
    write_log(folder / "log", small_log(), "csv")
    (folder / "ours.toml").write_text(dedent(EXPERIMENT))
    (folder / "golden").mkdir()
    (folder / "golden" / "gate.toml").write_text(dedent(GATE))
    code = finish(f"data make beauty {SMALL} --to small", folder, folder.with_name("ground.log"))
    assert code == 0, folder.with_name("ground.log").read_text()
    shutil.copytree(folder / "small", folder / "stripped")
    shutil.rmtree(folder / "stripped" / "columns")


def begin(words: str, folder: Path, log: Path, before: Callable[[], None] = lambda: None) -> int:
    """Starts ``bench`` in a process group of its own; returns the number of its process.

    The process is a fork of this one, which has imported what the command needs, and so are its workers: an import of
    torch takes longer than most of what a crash can interrupt.

    Args:
        words: without ``bench``.
        folder: in which it runs.
        log: takes what it prints.
        before: called in the process before it begins.
    """
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        os.setsid()
        output = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o666)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        os.chdir(folder)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        before()
        from bench.cli.main import main
        from bench.runs.engines import workers

        forks = patch.object(workers, "START", "fork")
        soon = patch.object(workers, "_GRACE", 0.5)  # a fork holds its siblings' pipes, and never hears their end
        with forks, soon, patch.object(sys, "argv", ["bench", *words.split()]):
            main()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def finish(words: str, folder: Path, log: Path, before: Callable[[], None] = lambda: None) -> int:
    """Runs ``bench`` to its end, as :func:`begin` does; returns its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(begin(words, folder, log, before), 0)[1])
