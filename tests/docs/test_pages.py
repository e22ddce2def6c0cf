"""The guides are true: their commands run in order, in one folder, and what they mention exists.

They share corpora and cells with each other, as somebody would who reads them one after the other.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markdown_blocks import Block, blocks
from reader import ROOT, SKIPPED, TEXT_OF, check_command_exists, mentioned, run_here, text_of, write_files

from bench.plugins.registry import registry

ELSEWHERE = {"README.md", "own-encoder.md", "own-plugins.md", "ci-gate.md", "own-logs.md"}
"""Pages whose commands run in tests/test_readme.py and tests/docs/test_own_logs.py."""
PAGES = ("tutorial.md", "measuring.md", "log-formats.md", "tuning.md", "cluster.md", "scale.md", "experiments.md")
BLOCKS = [(page, block) for page in PAGES for block in blocks(text_of(page))]
VARIANT = re.compile(r"([a-z][\w-]*)\[(\w+)=")
LINK = re.compile(r"\]\((?!\w+:|#)([^)\s#]+)(?:#([^)\s]+))?\)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("reader")
    write_files((block for _, block in BLOCKS), made)
    return made


@pytest.mark.slow  # trains, if only a little; a block may need what one before it has left
@pytest.mark.parametrize(
    ("page", "block"),
    [at for at in BLOCKS if at[1].language == "bash" and not at[1].skip],
    ids=lambda at: at if isinstance(at, str) else f"line {at.line}",
)
def test_the_commands_run(page: str, block: Block, folder: Path) -> None:
    for command in block.commands():
        run_here(command, folder)


@pytest.mark.slow
def test_the_script_runs(folder: Path) -> None:
    said = run_here("python measure.py", folder)
    assert "| transearch | meanpool" in " ".join(said.split())
    assert "torch.Size([" in said


def test_every_block_is_run_or_excused_for_a_known_reason() -> None:
    assert {block.skip for _, block in BLOCKS if block.skip} <= SKIPPED
    assert len(BLOCKS) == sum(text_of(page).count("\n```") for page in PAGES) // 2, "a fence that is not understood"
    assert not [at for at in BLOCKS if at[1].language not in ("bash", "text") and not at[1].file]


def test_no_page_of_this_documentation_has_blocks_that_nothing_runs() -> None:
    """A page of somebody's own is named by the test beside it."""
    tests = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests" / "docs").glob("*.py"))
    with_blocks = {page for page in TEXT_OF if [b for b in blocks(text_of(page)) if b.language in ("bash", "python")]}
    assert not [page for page in with_blocks - {*PAGES, *ELSEWHERE} if page not in tests]


@pytest.mark.parametrize("page", sorted(TEXT_OF))
def test_what_a_page_mentions_exists(page: str) -> None:
    """Commands and their options, options of encoders, and every file that it links to."""
    text = text_of(page)
    for command in mentioned(text, blocks(text)):
        check_command_exists(command)
    for name, option in VARIANT.findall(text):
        if name in registry().names("encoder"):
            assert option in registry().get("encoder", name).settable, f"{name}[{option}=…]"
    outside_code = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    generated = {"reference/bench.md", "reference/testing.md", "reference/command-line.md", "reference/components.md"}
    targets = {target for target, _ in LINK.findall(outside_code)} - generated
    assert not [target for target in targets if not (TEXT_OF[page] / target).exists()]
