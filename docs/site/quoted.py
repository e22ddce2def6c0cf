"""What a page takes from elsewhere in the project.

``<!-- docstring: MODULE -->`` is a module's docstring without its first line, ``<!-- readme: HEADING -->`` a section of
the README without its heading.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path

from docstrings import as_markdown
from links import LINK
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
DOCSTRING = re.compile(r"<!-- docstring: ([\w.]+) -->")
SECTION = re.compile(r"<!-- readme: ([^>]+?) -->")
CI = re.compile(r"<!-- ci\n.*?-->\n", re.DOTALL)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Puts what is quoted where a page asks for it."""
    return expanded(markdown)


def expanded(markdown: str) -> str:
    """A page with what it quotes."""
    return SECTION.sub(lambda match: _section(match[1]), DOCSTRING.sub(lambda match: _docstring(match[1]), markdown))


def _docstring(module: str) -> str:
    text = inspect.cleandoc(import_module(module).__doc__ or "")
    return as_markdown(text.split("\n\n", 1)[1])


def _section(heading: str) -> str:
    """A section of the README; its links are seen from a page of docs/."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    body = re.split(r"^## ", text.split(f"\n## {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    return LINK.sub(lambda match: f"../{match[1]}{match[2] or ''}", CI.sub("", body)).strip()
