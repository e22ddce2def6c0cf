"""What strangers wrote leaves no control character anywhere, splits no row, and is no markup, command or formula."""

from __future__ import annotations

import ast
import csv
import html.parser
import io
import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from bench.cli import terminal
from bench.errors import BenchError
from bench.printable import file_name, latex_text, markdown_text, one_line, said, spreadsheet_field, visible
from bench.reports.fitting import Layout, PlainConsole, Row, print_fitting
from bench.reports.table import Line, Table, TableCell
from bench.reports.terminal import print_tables
from bench.reports.writers import WRITERS

CLI = Path(terminal.__file__).parent
ATTACKS = [
    "\x1b]0;title\x07\x1b[2J",
    "\x9b31m",
    "a\u202egnp.exe",
    "\u2066x",
    "line\nbreak | bar \\| bar",
    "par\u2028agraph\x85next",
    "<script>alert(1)</script>",
    "[text](javascript:alert(1)) ![i](http://x)",
    "[a]: http://x",
    "&#x202e;&lt;b&gt;",
    "```\n~~~",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\\input{/etc/passwd} $x$ %",
    '"><img src=x onerror=alert(1)>',
    "\ud800 half",
    "",
]
hostile = st.one_of(
    st.sampled_from(ATTACKS),
    st.text(st.characters(), max_size=30),
    st.text(st.sampled_from("|\\`<>[]()!&#;~=+-@\x1b\x9b\n\r\t \"'$%{}_^a1"), max_size=12),
    st.tuples(st.sampled_from(ATTACKS), st.sampled_from(ATTACKS)).map("".join),
)
few = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def is_plain(text: str) -> bool:
    """Whether no letter of a text moves a cursor, turns the direction of writing or cannot be encoded."""
    turns = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return not any(
        (unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") and letter not in "\n\t")
        or unicodedata.bidirectional(letter) in turns
        for letter in text
    )


def table_of(text: str) -> Table:
    cells = (TableCell(text, bold=True), TableCell(text))
    lines = (Line((text,), cells), Line(("plain",), cells, rule=True))
    rows = ({"table": text, "row": text, "value": -0.5}, {"table": "plain", "row": [text, text], "value": None})
    return Table("table2", text, (text,), ((text, 1), ("g", 1)), (text, "b"), lines, (text,), rows)


class Page(html.parser.HTMLParser):
    """The tags of a page, without attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert {name for name, _ in attrs} <= {"lang", "charset", "class", "colspan", "id"}
        self.tags += [tag] * (tag != "b")  # an empty cell is not bold


def tags(page: str) -> list[str]:
    parser = Page()
    parser.feed(page)
    return parser.tags


@given(hostile)
@few
def test_every_writer_of_tables(text: str) -> None:
    table, usual = [table_of(text)], [table_of("usual")]
    written = {ending: write(table) for ending, write in WRITERS.items()}
    ordinary = {ending: write(usual) for ending, write in WRITERS.items()}
    assert all(map(is_plain, written.values()))
    bars = [len(re.findall(r"(?<!\\)\|", line)) for line in written["md"].splitlines() if line.startswith("|")]
    assert bars == [4, 4, 4, 4]
    assert not re.search(r"<[A-Za-z/!?]|\][(\[:]", written["md"])
    assert tags(written["html"]) == tags(ordinary["html"])
    assert len(written["tex"].splitlines()) == len(ordinary["tex"].splitlines())
    rows = list(csv.DictReader(io.StringIO(written["csv"])))
    assert [row["value"] for row in rows] == ["-0.5", ""]
    assert rows[0]["row"] in (visible(text), f"'{visible(text)}")
    assert not any(re.match(r"[=@]|[+-]\D", field) for row in rows for field in row.values() if len(field) > 2)
    assert json.loads(written["json"])[0] == {"table": text, "row": text, "value": -0.5}


@given(hostile)
@few
def test_a_terminal(text: str) -> None:
    out = io.StringIO()
    console = PlainConsole(file=out, width=100, force_terminal=False)
    print_tables([table_of(text)], console)
    print_fitting([Layout((text, "n"), (Row((text, "1")), Row((text,))), left=1, note=text)], console, text)
    console.print(text, markup=False, highlight=False)
    assert is_plain(out.getvalue())


def test_on_a_terminal_styles_are_left_and_names_have_none() -> None:
    out = io.StringIO()
    console = PlainConsole(file=out, width=80, force_terminal=True, color_system="standard")
    console.print("\x1b[31mred\x1b]0;title\x07", style="bold", markup=False, highlight=False)
    assert out.getvalue() == "\x1b[1m\\u001b[31mred\\u001b]0;title\x1b[0m\n"  # a bell rich leaves out itself
    assert isinstance(terminal.console(), Console)


@given(hostile)
@few
def test_texts(text: str) -> None:
    for write in (one_line, markdown_text, latex_text):
        assert is_plain(write(text))
        assert "\n" not in write(text)
    assert visible(visible(text)) == visible(text)
    assert json.loads(visible(json.dumps(text, ensure_ascii=False))) == text
    line = str(BenchError(text, where=text, fix=text))
    assert is_plain(line)
    assert "\n" not in line
    name = file_name(text)
    assert Path(name).name == name
    assert 0 < len(name.encode()) <= 100
    assert not name.startswith(".")


@pytest.mark.parametrize("number", ["-0.5", "+3", "1e-3", "-inf", "12%", "-", 3.5, None, -1])
def test_numbers_are_no_formulas(number: object) -> None:
    assert spreadsheet_field(number) == number


def test_ordinary_texts_are_left_as_they_are() -> None:
    for text in (
        "muvcog-m[negatives=random]",
        "Δ NDCG ± 0.01 (p < 0.05)",
        "bench run --set a_b=1 *",
        "美妆 é",
    ):
        assert markdown_text(text) == visible(text) == spreadsheet_field(text) == text


def test_an_exception_that_cannot_say_what_it_is_is_said_to_be_one() -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise SystemExit(3)

    assert said(MuteError()) == "an error that cannot say what it is"
    assert said(ValueError("two\nlines\x1b[2J")) == "two lines\\u001b[2J"


def test_commands_print_through_the_console_and_nothing_else() -> None:
    """A new command cannot forget the filter: only the module that has it, and lines that wipe themselves, print."""
    printing = {
        f"{file.name}: {ast.unparse(node.func)}"
        for file in CLI.glob("*.py")
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("typer.echo", "click.echo", "print", "Console")
    }
    assert printing == {
        "terminal.py: typer.echo",
        "main.py: typer.echo",  # the version
        "progress.py: print",
    }
