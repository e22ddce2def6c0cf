"""The README is true: every block of it runs as it is written, and a stranger's plugin of each kind needs no more.

Files go where their first comment says, commands run in order in one folder, in a fresh environment. What is too long
for CI stands in a comment before its block, see ``markdown_blocks``.
"""

from __future__ import annotations

import json
import re
import shlex
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from event_logs import START, Log, write_log
from fresh_environment import ROOT, Environment, make_environment
from markdown_blocks import Block, blocks
from released_files import write_fashioniq
from typer.main import get_command

from bench.cli.main import app

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = blocks(README)
SKIPPED = {
    "CI is `make test`, and the demo takes minutes",
    "`make test` runs it; --update would move the committed tables",
}
"""The reasons for which a block is not run. Think twice before adding one."""

TINY = """
title = "Tiny"
seeds = 1
settings = { ctr = { epochs = 1 } }
[claims]
C1 = "A mean of words helps."
[[part]]
id = "table2"
title = "Clicks"
task = "ctr"
datasets = ["corpora/mine"]
baselines = ["transearch"]
encoders = ["vanilla", "meanpool"]
metrics = ["ndcg@10"]
layout = "table2"
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return make_environment(tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the reader works: the files of the README, a log of their own, and what the paper's authors published."""
    made = tmp_path_factory.mktemp("reader")
    for block in BLOCKS:
        if block.file:
            file = made / block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text)
    write_log(made / "my-log", own_log(), "csv")
    write_fashioniq(made / "published")
    (made / "tiny.toml").write_text(TINY)
    return made


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


@cache
def kit_output(environment: Environment, command: str, folder: Path) -> str:
    """The output of a ``bench test-plugin``, which a block and a test of its own ask for."""
    return run(environment, command, folder)


def run(environment: Environment, command: str, folder: Path) -> str:
    """Runs a command, which must succeed; returns its standard output."""
    if "KEY" in command:
        rows = json.loads((folder / "rows.json").read_text())
        command = command.replace("KEY", rows[0]["key"].split()[0])
    command = command.replace("--from PATH", "--from published").replace("my-log/", "my-log")
    ran = environment.run(command, folder)
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    assert "Traceback" not in ran.stderr
    return ran.stdout


# ---- what is run -----------------------------------------------------------------------------------------------------


def test_every_block_is_run_or_excused_for_a_known_reason() -> None:
    assert {block.skip for block in BLOCKS if block.skip} == SKIPPED
    assert {block.language for block in BLOCKS} == {"bash", "python", "toml", "yaml"}
    assert not [block.line for block in BLOCKS if block.language != "bash" and not block.file]
    assert len(BLOCKS) == README.count("\n```") // 2, "a fence that is not understood"


@pytest.mark.slow  # commands in processes of their own; a block may need what one before it has left
@pytest.mark.parametrize(
    "block",
    [block for block in BLOCKS if block.language == "bash" and not block.skip],
    ids=lambda block: f"line {block.line}",
)
def test_the_commands_run(block: Block, environment: Environment, folder: Path) -> None:
    for command in block.commands():
        plain = re.split(r"\s{2,}#", command)[0]
        (kit_output if plain.startswith("bench test-plugin ") else run)(environment, plain, folder)


@pytest.mark.slow
def test_the_script_runs(environment: Environment, folder: Path) -> None:
    said = run(environment, "python measure.py", folder)
    assert "| transearch | meanpool" in " ".join(said.split())
    assert "torch.Size([" in said


@pytest.mark.slow
def test_the_workflow_runs_in_the_plugins_folder(environment: Environment, folder: Path) -> None:
    """Its own lines, on this machine; libraries are here already, so that pip downloads none."""
    (block,) = [block for block in BLOCKS if block.language == "yaml"]
    steps = re.findall(r"^      - run: (.+)$", block.text, re.MULTILINE)
    assert [step.split()[0] for step in steps] == ["pip", "pip", "pip", "pytest", "bench"]
    run(environment, "bench check golden --update", folder / "mean-words")
    for step in steps:
        run(environment, step, folder / "mean-words")


# ---- commands and options that are only mentioned --------------------------------------------------------------------


def mentioned() -> list[str]:
    """Every command line of the README, those inside sentences too."""
    inline = re.findall(r"`(bench [^`\n]+)`", re.sub(r"```.*?```", "", README, flags=re.DOTALL))
    lines = [line for block in BLOCKS if block.language == "bash" for line in block.text.splitlines()]
    return [*inline, *(part for line in lines for part in re.split(r"\s+&&\s+", line) if part.startswith("bench "))]


@pytest.mark.parametrize("command", sorted(set(mentioned())))
def test_every_mentioned_command_and_option_exists(command: str) -> None:
    words = shlex.split(re.split(r"\s+[|>]\s|\s{2,}#", re.sub(r"\\?\|URL", "", command))[0])[1:]
    at = get_command(app)
    while words and hasattr(at, "commands"):
        assert words[0] in at.commands, f"no command {words[0]}"
        at = at.commands[words.pop(0)]
    known = {option for parameter in at.params for option in parameter.opts} | {"--help"}
    assert {word for word in words if word.startswith("--")} <= known


# ---- a stranger's plugins --------------------------------------------------------------------------------------------

SMALL = "--seeds 1 --set epochs=1 --set muvcog-m.steps=4 --set muvcog-m.batch_size=16"
DATA = "--set sessions=150 --set downstream=80"
PLUGINS = {
    "encoder": (
        "mean-words",
        "bench run --task ctr --baseline transearch --encoder mean-words --seeds 1 "
        "--set sessions=600 --set downstream=300",
        "",  # as it is: what the README's own block has computed is taken
    ),
    "baseline": ("dot-product", "bench run --task ctr --baseline dot-product --encoder muvcog-m", f"{SMALL} {DATA}"),
    "task": (
        "goes-on",
        "bench run --task goes-on --encoder muvcog-m",
        f"{SMALL.replace('--set epochs=1 ', '')} {DATA}",
    ),
    "dataset": (
        "two-steps",
        "bench run --task ctr --encoder lstm --dataset two-steps",
        "--baseline transearch --seeds 1 --set epochs=1",
    ),
}
"""Name, the command that the README measures it with, and what makes that small."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", PLUGINS)
def test_a_strangers_plugin_installs_is_listed_passes_its_kit_and_runs(
    kind: str, environment: Environment, folder: Path
) -> None:
    name, command, small = PLUGINS[kind]
    module = name.replace("-", "_")
    theirs = folder / name
    assert command in README
    if kind != "encoder":
        # "the same pyproject.toml, with its own name and module"
        text = (folder / "mean-words" / "pyproject.toml").read_text()
        (theirs / "pyproject.toml").write_text(text.replace("mean-words", name).replace("mean_words", module))
    run(environment, f"pip install -e {name}", folder)
    listed = json.loads(run(environment, "bench plugins --json", folder))
    mine = [row for row in listed if row["origin"] == name]
    assert (kind, name, "ok") in [(row["kind"], row["name"], row["status"]) for row in mine]
    assert not [row for row in listed if row["status"] != "ok"]

    tested = kit_output(environment, f"bench test-plugin {name}", folder)
    assert f"{kind} {name} ({name}): " in tested
    assert "failed" not in tested

    rows = json.loads(run(environment, f"{command} {small} --json", folder))  # into the folder of the other commands
    assert {row["status"] for row in rows} == {"done"}
    assert any(name in (row["task"], row["dataset"], row["baseline"], row["encoder"]) for row in rows)
