"""Texts from elsewhere on their way out: to a terminal, Markdown, LaTeX, a spreadsheet, a file's name.

Names of corpora, caveats, titles, labels, a plugin's help, texts of errors and answers of servers are written by
strangers. A terminal obeys what stands between control characters, Markdown takes markup for markup, a spreadsheet
computes what begins like a formula. What is unsafe is written as JSON writes it (``\\u001b``), so that people see that
something is there, and JSON stays the JSON that it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_UNSAFE = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f"  # C0 except tab and line feed, DEL, C1: escape sequences begin with one of these
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # other directions, no width
    "\ud800-\udfff\U000e0000-\U000e007f]"  # halves of a pair, which no encoding writes; tags, which nobody sees
)
_FORMULA = re.compile(r"\s*[=+\-@\uff0b\uff0d\uff1d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d[\d,_]*)?\.?\d*([eE][+-]?\d+)?%?|[+-]?inf|nan", re.IGNORECASE)
_NOT_IN_NAMES = re.compile(r"[^\w.@+=-]+")
_LONGEST_NAME = 100  # bytes of a file's name: folders add keys, endings and a process to it, and the system takes 255

_MARKDOWN: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"&(?=#?\w+;)"), "&amp;"),  # an entity may stand for anything
    (re.compile(r"<(?=[A-Za-z/!?])"), "&lt;"),  # tags, comments, <https://…>
    (re.compile(r"\](?=[(\[:])"), "&#93;"),  # links, images, definitions
    (re.compile(r"`(?=``)|~(?=~~)"), lambda found: f"&#{ord(found[0])};"),  # fences
    (re.compile(r"\\+(?=\|)"), lambda found: "&#92;" * len(found[0])),  # what would undo the next line
    (re.compile(r"\|"), r"\\|"),
)

_LATEX = {
    "\\": r"\textbackslash{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "†": r"$^\dagger$",
    "Δ": r"$\Delta$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "−": "$-$",
    "<": "$<$",
    ">": "$>$",
    "×": r"$\times$",
    "≠": r"$\neq$",
    "√": r"$\surd$",
    "–": "--",
}


def visible(text: str) -> str:
    """A text of any number of lines: control characters, overrides of direction and the like are spelt out."""
    return _UNSAFE.sub(_spelt_out, text) if _UNSAFE.search(text) is not None else text


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 cell``, ``1,200 cells``: a number and what is counted, by default with an s unless it is one."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def one_line(text: str) -> str:
    """A text on one line: white space is one blank, and the rest is :func:`visible`."""
    return visible(" ".join(text.split()))


def markdown_text(text: str) -> str:
    """A text in a line or a table's cell of Markdown: no tag, link, fence, formula or bar in it is one."""
    text = one_line(text)
    if text.count("$") > 1:  # mathematics stands between two
        text = text.replace("$", r"\$")
    for pattern, instead in _MARKDOWN:
        text = pattern.sub(instead, text)
    return text


def latex_text(text: str) -> str:
    """A text in LaTeX: no command, mathematics or comment in it is one."""
    return "".join(_LATEX.get(letter, letter) for letter in one_line(text))


def spreadsheet_field(value: object) -> object:
    """A field of a CSV file: a text that a spreadsheet would take for a formula has an apostrophe before it.

    Numbers, also those that are texts, are left as they are.
    """
    if not isinstance(value, str):
        return value
    value = visible(value)
    return f"'{value}" if _FORMULA.match(value) and len(value) > 1 and not _NUMBER.fullmatch(value) else value


def file_name(text: str) -> str:
    """A text as part of a file's name: no separator, no hidden file, not longer than a system takes."""
    name = _NOT_IN_NAMES.sub("_", text).lstrip(".-") or "_"
    return name if len(name.encode()) <= _LONGEST_NAME else name.encode()[:_LONGEST_NAME].decode(errors="ignore")


def said(error: BaseException) -> str:
    """What an exception says, as one line; of one that cannot say it, that it can't."""
    try:
        return one_line(str(error))
    except BaseException:  # its own text raises
        return "an error that cannot say what it is"


def _spelt_out(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
