"""Somebody who works through pages of the documentation, command by command, in one folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from contextlib import chdir
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from command_line import bench_here, environment
from event_logs import START, Log, write_log
from markdown_blocks import Block
from typer.main import get_command

from bench.cli.main import app

ROOT = Path(__file__).parents[1]
SKIPPED = {
    "CI is `make test`, and the demo takes minutes",
    "`make test` runs it; --update would move the committed tables",
}
"""The reasons for which a block is not run. Think twice before adding one."""
TEXT_OF = {"README.md": ROOT, **{page.name: page.parent for page in sorted((ROOT / "docs").glob("*.md"))}}
"""Every page that is read, by its name, and the folder that it is in."""


def text_of(page: str) -> str:
    """What stands on a page."""
    return (TEXT_OF[page] / page).read_text(encoding="utf-8")


def write_files(blocks: Iterable[Block], folder: Path) -> None:
    """Writes the files of some blocks, as CI has them, and the reader's own log."""
    for block in blocks:
        if block.file:
            file = folder / block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.as_written, encoding="utf-8")
    if not (folder / "my-log").exists():
        write_log(folder / "my-log", own_log(), "csv")


def without_comment(command: str) -> str:
    """A line of a shell block, up to the comment at its end."""
    return re.split(r"\s{2,}#", command)[0]


def run_here(command: str, folder: Path) -> str:
    """Runs a line of shell, which must succeed, and returns its output; ``bench`` runs in this process.

    A process of its own for each command would import torch each time, and a page about commands is no test of that.
    """
    said = ""
    for part in re.split(r"\s+&&\s+", without_comment(command)):
        line, _, target = part.partition(" > ")
        words = shlex.split(line.replace("KEY", _first_key(folder)) if "KEY" in line else line)
        with chdir(folder):
            out = _bench(words[1:]) if words[0] == "bench" else _other(words)
        if target:
            (folder / target.strip()).write_text(out, encoding="utf-8")
        said += out
    return said


def _bench(words: list[str]) -> str:
    ran = bench_here(*words)
    assert ran.code == 0, f"bench {shlex.join(words)}\n{ran.out}\n{ran.err}"
    assert "Traceback" not in ran.err
    return ran.out


def _other(words: list[str]) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    given = environment(PATH=path, OMP_NUM_THREADS="1")
    ran = subprocess.run(words, env=given, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, f"{shlex.join(words)}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def _first_key(folder: Path) -> str:
    """A key that a run has printed as JSON into rows.json."""
    return str(json.loads((folder / "rows.json").read_text())[0]["key"]).split()[0]


def mentioned(text: str, blocks: Iterable[Block]) -> list[str]:
    """Every command line of a page, those inside sentences too."""
    inline = re.findall(r"`(bench [^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    lines = [line for block in blocks if block.language == "bash" for line in block.text.splitlines()]
    return [*inline, *(part for line in lines for part in re.split(r"\s+&&\s+", line) if part.startswith("bench "))]


def check_command_exists(command: str) -> None:
    """Fails where a command, or an option of it, is none of the command line's."""
    words = shlex.split(re.split(r"\s+[|>]\s|\s{2,}#", re.sub(r"\\?\|URL", "", command))[0])[1:]
    at = _commands()
    while words and hasattr(at, "commands"):
        if words[0].startswith(("-", "…")) or words[0] == "COMMAND":
            return
        assert words[0] in at.commands, f"no command {words[0]} in {command}"
        at = at.commands[words.pop(0)]
    known = {option for parameter in at.params for option in parameter.opts} | {"--help"}
    assert {word for word in words if word.startswith("--")} <= known, command


@cache
def _commands() -> Any:
    """The commands; building them takes longer than looking one up."""
    return get_command(app)


def own_log(users: int = 60, items: int = 40) -> Log:
    """A shop's log: a session a user, a keyword query and two product queries, five items shown, one clicked."""
    rng = np.random.default_rng(0)
    queries, shown = 3 * users, 5
    asked = np.arange(queries)
    time = START + 86_400 * (asked // 3) + 60 * (asked % 3)
    item = [f"i{(first + place) % items}" for first in rng.integers(0, items, queries) for place in range(shown)]
    clicked = asked * shown + rng.integers(0, shown, queries)
    colours, things = ["red", "blue", "green"], ["shoe", "hat", "bag"]
    names = [f"{colours[i % 3]} {things[i // 3 % 3]}" for i in range(items)]
    return {
        "queries": {
            "query_id": [f"q{q}" for q in asked],
            "user": [f"u{q // 3}" for q in asked],
            "time": time.tolist(),
            "kind": ["product" if q % 3 else "keyword" for q in asked],
            "text": [names[i] for i in rng.integers(0, items, queries)],
            "image": [f"p{i}" if q % 3 else None for q, i in enumerate(rng.integers(0, items, queries))],
        },
        "impressions": {
            "query_id": [f"q{q}" for q in asked for _ in range(shown)],
            "item_id": item,
            "rank": [place + 1 for _ in asked for place in range(shown)],
        },
        "clicks": {
            "query_id": [f"q{q}" for q in asked],
            "item_id": [item[place] for place in clicked],
            "time": (time + 5).tolist(),
        },
        "items": {
            "item_id": [f"i{i}" for i in range(items)],
            "title": names,
            "image": [f"p{i}" for i in range(items)],
            "category": [things[i // 3 % 3] for i in range(items)],
        },
        "images": {
            "image_id": [f"p{i}" for i in range(items)],
            "vector": rng.normal(size=(items, 4)).tolist(),
        },
    }
