"""Docstrings of the project, written with Sphinx's roles, as the Markdown that the site is made of."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from griffe import Extension, Object

ROLE = re.compile(r":(?:class|func|meth|mod|data|attr):`[~.]?([^`]+)`")
MATH_ROLE = re.compile(r":math:`([^`]+)`")
MATH = re.compile(r"^( *)\.\. math::[ ]*\n((?:\1[ ]+\S.*\n?|\s*\n)+)", re.MULTILINE)
LITERAL = re.compile(r"(?P<mark>^|[ ]|(?<=\S))::[ ]*\n\n(?P<text>(?:[ ]{4,}\S.*\n?|\s*\n)+)", re.MULTILINE)
FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


class Markdown(Extension):
    """Rewrites each docstring when its object has been read."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Called with every module, class, function and attribute."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(text: str) -> str:
    """A docstring with its roles as code, its formulas between dollars, its literal blocks fenced."""
    parts = FENCED.split(LITERAL.sub(_literal, MATH.sub(_formulas, text)))
    return "".join(part if number % 2 else _inline(part) for number, part in enumerate(parts))


def _inline(text: str) -> str:
    return MATH_ROLE.sub(r"$\1$", ROLE.sub(r"`\1`", text)).replace("``", "`")


def _literal(match: re.Match[str]) -> str:
    """A fenced block; the colon stays where it stood at a word."""
    text = textwrap.dedent(match["text"]).strip("\n").replace("``", "")
    return ("" if match["mark"] == " " or match.start() == 0 else ":") + f"\n\n```\n{text}\n```\n\n"


def _formulas(match: re.Match[str]) -> str:
    formulas = [
        part.strip().replace("&=", "=").replace("&", "") for part in re.split(r"\n\s*\n", match[2]) if part.strip()
    ]
    return "".join(f"{match[1]}$$\n{match[1]}{formula}\n{match[1]}$$\n\n" for formula in formulas)
