r"""Formulas as MathML, which browsers draw by themselves: no script, no font from elsewhere.

Pages write ``$…$`` and ``$$…$$``; arithmatex finds them outside code, and this turns what it found into MathML.
"""

from __future__ import annotations

import html
import re

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

FOUND = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Draws the formulas of a page."""
    return FOUND.sub(lambda match: _drawn(html.unescape(match[2]), match[1] == "div"), content)


def _drawn(formula: str, block: bool) -> str:
    return convert(formula, display="block" if block else "inline")
