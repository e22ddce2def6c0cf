"""The code blocks of a Markdown file, with what an HTML comment right before one says about running it in CI.

::

    <!-- ci
    append to bench run: --seeds 1        options for every such command of the block
    replace: kdd22 => tiny.toml           in the commands of a shell block, in the text of a file
    skip: needs a GPU                     the block is not run, and why
    -->

Everything without such a comment runs as it is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_BLOCK = re.compile(
    r"(?:^<!-- ci\n(?P<said>.*?)^-->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_SEPARATORS = re.compile(r"(\s+&&\s+|\s+>\s+\S+|\s{2,}#.*$)")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: such as ``bash``.
        text: what stands in it.
        line: of its fence in the file, counted from 1.
        skip: why it is not run; empty where it is.
        options: options by the command that they are appended to.
        replaced: texts by what stands in their place.
    """

    language: str
    text: str
    line: int
    skip: str = ""
    options: list[tuple[str, str]] = field(default_factory=list)
    replaced: list[tuple[str, str]] = field(default_factory=list)

    @property
    def file(self) -> str:
        """The path in its first comment; empty without one."""
        found = re.match(r"# (\S+\.\w+)\n", self.text)
        return found[1] if found else ""

    @property
    def as_written(self) -> str:
        """A file's text as CI writes it: with what is replaced."""
        text = self.text
        for written, instead in self.replaced:
            text = text.replace(written, instead)
        return text

    def commands(self) -> list[str]:
        """The lines of a shell block as they are run."""
        return [self._run_as(line) for line in self.text.splitlines() if line and not line.startswith("#")]

    def _run_as(self, line: str) -> str:
        for written, instead in self.replaced:
            line = line.replace(written, instead)
        parts = _SEPARATORS.split(line)
        for command, options in self.options:
            parts = [f"{part} {options}" if part.startswith(f"{command} ") else part for part in parts]
        return "".join(parts)


def blocks(text: str) -> list[Block]:
    """Every fenced block of a Markdown text.

    Raises:
        ValueError: a comment says something else than above.
    """
    found = []
    for match in _BLOCK.finditer(text):
        block = Block(match["language"], match["text"], text[: match.start("language")].count("\n") + 1)
        for line in (match["said"] or "").splitlines():
            key, _, value = line.partition(": ")
            if key == "skip":
                block = Block(block.language, block.text, block.line, value)
            elif key == "replace":
                written, _, instead = value.partition(" => ")
                block.replaced.append((written, instead))
            elif key.startswith("append to "):
                block.options.append((key.removeprefix("append to "), value))
            else:
                raise ValueError(f"line {block.line}: {line!r} says nothing about a block")
        found.append(block)
    return found
