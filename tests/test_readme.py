"""The README and what it says of plugins are true: a stranger needs no more, in a fresh environment.

Files go where their first comment says, commands run in order in one folder. What is too long for CI stands in a
comment before its block, see ``markdown_blocks``. The other pages run in ``tests/docs/test_pages.py``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fresh_environment import ROOT, Environment, make_environment
from markdown_blocks import Block, blocks
from reader import SKIPPED, check_command_exists, mentioned, text_of, without_comment, write_files

PAGES = ("README.md", "own-encoder.md", "own-plugins.md", "ci-gate.md")
"""In the order in which they are read: a page needs what those before it have left."""
BLOCKS = [(page, block) for page in PAGES for block in blocks(text_of(page))]
README = text_of("README.md")
PLUGINS = {"encoder": "mean-words", "baseline": "dot-product", "task": "goes-on", "dataset": "two-steps"}
DEMO = ROOT / "results" / "demo-beauty-simulated"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return make_environment(tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the reader works: the files of the pages, and a log of their own."""
    made = tmp_path_factory.mktemp("reader")
    write_files((block for _, block in BLOCKS), made)
    for name in set(PLUGINS.values()) - {"mean-words"}:
        # "the same pyproject.toml, with its own name and module"
        text = (made / "mean-words" / "pyproject.toml").read_text()
        text = text.replace("mean-words", name).replace("mean_words", name.replace("-", "_"))
        (made / name / "pyproject.toml").write_text(text)
    return made


def run(environment: Environment, command: str, folder: Path) -> str:
    """Runs a command, which must succeed; returns its standard output."""
    ran = environment.run(command, folder)
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    assert "Traceback" not in ran.stderr
    return ran.stdout


# ---- what is run -----------------------------------------------------------------------------------------------------


def test_every_block_is_run_or_excused_for_a_known_reason() -> None:
    assert {block.skip for _, block in BLOCKS if block.skip} == SKIPPED
    assert {block.language for _, block in BLOCKS} == {"bash", "python", "text", "toml", "yaml"}
    assert not [at for at in BLOCKS if at[1].language not in ("bash", "text") and not at[1].file]
    assert len(BLOCKS) == sum(text_of(page).count("\n```") for page in PAGES) // 2, "a fence that is not understood"


@pytest.mark.slow  # commands in processes of their own; a block may need what one before it has left
@pytest.mark.parametrize(
    ("page", "block"),
    [at for at in BLOCKS if at[1].language == "bash" and not at[1].skip],
    ids=lambda at: at if isinstance(at, str) else f"line {at.line}",
)
def test_the_commands_run(page: str, block: Block, environment: Environment, folder: Path) -> None:
    for command in block.commands():
        said = run(environment, without_comment(command), folder)
        if command.startswith("bench test-plugin "):
            name = command.split()[2]
            (kind,) = [kind for kind, plugin in PLUGINS.items() if plugin == name]
            assert f"{kind} {name} ({name}): " in said
            assert "failed" not in said


@pytest.mark.slow
def test_a_strangers_plugins_are_listed_and_have_run(environment: Environment, folder: Path) -> None:
    listed = json.loads(run(environment, "bench plugins --json", folder))
    assert not [row for row in listed if row["status"] != "ok"]
    for kind, name in PLUGINS.items():
        assert (kind, name) in [(row["kind"], row["name"]) for row in listed if row["origin"] == name]
    cells = [json.loads(file.read_text()) for file in (folder / "runs" / "cells").glob("*/cell.json")]
    titles = {word for cell in cells if cell["status"] == "done" for word in cell["title"].split()}
    assert set(PLUGINS.values()) <= titles


@pytest.mark.slow
def test_the_workflow_runs_in_the_plugins_folder(environment: Environment, folder: Path) -> None:
    """Its own lines, on this machine. What pip does in the first three was done when the environment was made."""
    (block,) = [block for _, block in BLOCKS if block.language == "yaml"]
    steps = re.findall(r"^      - run: (.+)$", block.text, re.MULTILINE)
    assert [step.split()[:2] for step in steps] == [["pip", "install"]] * 3 + [["pytest"], ["bench", "check"]]
    assert steps[1] == 'pip install "$SESSION_BENCH"'
    for step in steps[3:]:
        run(environment, step, folder / "mean-words")


# ---- what is said ----------------------------------------------------------------------------------------------------


def test_the_default_result_is_the_recorded_one() -> None:
    """Table and sentences of the README: no number was typed."""
    recorded = (DEMO / "table.md").read_text(encoding="utf-8")
    table = [line for line in recorded.splitlines() if line.startswith("|")]
    assert "\n".join(table) in README
    commit = re.search(r"Computed at commit (\w{7})", recorded)
    assert commit is not None
    assert f"at commit {commit[1]}" in README
    assert re.search(r"\d+ queries of \d+ users in the test split, \d seeds", recorded)[0] in README  # type: ignore[index]
    given = re.search(
        r"of the ([\d.]+) NDCG@10 that the session had to give, from vanilla's ([\d.]+) to ([\d.]+)", recorded
    )
    taken = re.search(r"lstm (\d+ %), muvcog-m (\d+ %) came out", recorded)
    assert given is not None
    assert taken is not None
    said = " ".join(README.split())
    assert f"Of the {given[1]} NDCG@10 that the session had to give, from vanilla's {given[2]} to {given[3]}" in said
    assert f"the LSTM took {taken[1]} and `muvcog-m`, pretrained without labels and frozen, {taken[2]}" in said


def test_it_is_read_in_three_minutes() -> None:
    words = re.sub(r"```.*?```|<!--.*?-->|^\|.*$", "", README, flags=re.DOTALL | re.MULTILINE).split()
    assert len(words) < 850


@pytest.mark.parametrize("page", PAGES)
def test_every_mentioned_command_and_option_exists(page: str) -> None:
    commands = mentioned(text_of(page), [block for at, block in BLOCKS if at == page])
    for command in commands:
        check_command_exists(command)
    assert commands
