"""Writers of tables: Markdown, LaTeX (booktabs) and HTML for people, CSV and JSON for programs."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from tabulate import tabulate

from bench.printable import file_name, latex_text, markdown_text, one_line, spreadsheet_field, visible
from bench.reports.table import Line, Table, TableCell


def markdown(tables: Sequence[Table]) -> str:
    """The tables as Markdown, one below the other; a group's head precedes the head of each of its columns."""
    parts = []
    for table in tables:
        body = [[*map(markdown_text, line.stubs), *map(_bold_markdown, line.cells)] for line in table.lines]
        align = ["left"] * len(table.stubs) + ["right"] * len(table.columns)
        heads = [markdown_text(head) for head in table.heads]
        text = tabulate(body, heads, tablefmt="github", colalign=align if body else None, disable_numparse=True)
        parts.append("\n\n".join([f"### {markdown_text(table.title)}", text, *map(markdown_text, table.notes)]))
    return "\n\n".join(parts) + "\n"


def latex(tables: Sequence[Table]) -> str:
    """The tables as ``table*`` environments, for a document with the packages booktabs and inputenc (utf8)."""
    return "\n".join(_latex(table) for table in tables)


def html_page(tables: Sequence[Table]) -> str:
    """The tables as one self-contained HTML page."""
    head = '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>Tables</title>\n<style>\n'
    style = (
        "body{font:14px/1.4 sans-serif;margin:2em}table{border-collapse:collapse;margin:1em 0}"
        "td,th{padding:.2em .6em;text-align:right}.stub{text-align:left}thead{border-bottom:1px solid}"
        "tr.rule{border-top:1px solid #999}table{border-top:2px solid;border-bottom:2px solid}"
    )
    return f"{head}{style}\n</style></head>\n<body>\n" + "\n".join(map(_html, tables)) + "\n</body></html>\n"


def html_fragment(tables: Sequence[Table], note: str = "") -> str:
    """The tables as a piece of a page, such as the output of a notebook's cell, in the page's own colours.

    Args:
        tables: from top to bottom.
        note: a paragraph below them all.
    """
    style = (
        ".session-bench table{border-collapse:collapse;color:inherit;background:transparent}"
        ".session-bench caption{text-align:left;font-weight:bold;color:inherit}"
        ".session-bench td,.session-bench th{padding:.2em .6em;text-align:right;background:transparent}"
        ".session-bench .stub{text-align:left}.session-bench thead{border-bottom:1px solid currentColor}"
        ".session-bench .wide{overflow-x:auto}"
    )
    below = f"<p>{_escaped(note)}</p>\n" if note else ""
    return (
        f'<div class="session-bench">\n<style>{style}</style>\n' + "\n".join(map(_html_part, tables)) + below + "</div>"
    )


def csv_rows(tables: Sequence[Table]) -> str:
    """The numbers of all tables as CSV, a line each, with the union of their fields."""
    rows = [row for table in tables for row in table.rows]
    fields = list(dict.fromkeys(field for row in rows for field in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _one_field(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


def json_rows(tables: Sequence[Table]) -> str:
    """The numbers of all tables as a JSON array of flat objects."""
    rows = [row for table in tables for row in table.rows]
    return visible(json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False)) + "\n"


WRITERS: dict[str, Callable[[Sequence[Table]], str]] = {
    "md": markdown,
    "tex": latex,
    "html": html_page,
    "csv": csv_rows,
    "json": json_rows,
}
"""The writers by the ending of their files."""


def _one_field(value: Any) -> Any:
    """A list as its elements with blanks between them; a text as no spreadsheet computes it."""
    return spreadsheet_field(" ".join(map(str, value)) if isinstance(value, list | tuple) else value)


def _escaped(text: str) -> str:
    return html.escape(one_line(text))


def _bold_markdown(cell: TableCell) -> str:
    return f"**{markdown_text(cell.text)}**" if cell.bold and cell.text else markdown_text(cell.text)


def _latex(table: Table) -> str:
    stubs, columns = len(table.stubs), len(table.columns)
    lines = [
        r"\begin{table*}",
        r"\centering",
        rf"\caption{{{latex_text(table.title)}}}",
        rf"\label{{tab:{file_name(table.id)}}}",
        rf"\begin{{tabular}}{{{'l' * stubs}{'r' * columns}}}",
        r"\toprule",
    ]
    if table.groups:
        spans = [rf"\multicolumn{{{width}}}{{c}}{{{latex_text(name)}}}" for name, width in table.groups]
        lines.append(" & ".join([""] * stubs + spans).lstrip() + r" \\")
        lines.append(" ".join(rf"\cmidrule(lr){{{a}-{b}}}" for a, b in _spans(table)))
    lines.append(" & ".join(map(latex_text, [*table.stubs, *table.columns])) + r" \\")
    lines.append(r"\midrule")
    for number, line in enumerate(table.lines):
        if line.rule and number:
            lines.append(r"\midrule")
        cells = [rf"\textbf{{{latex_text(c.text)}}}" if c.bold and c.text else latex_text(c.text) for c in line.cells]
        lines.append(" & ".join([*map(latex_text, line.stubs), *cells]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", *(rf"\par\footnotesize {latex_text(note)}" for note in table.notes)]
    return "\n".join([*lines, r"\end{table*}", ""])


def _spans(table: Table) -> list[tuple[int, int]]:
    """First and last column of each group, from 1."""
    spans, start = [], len(table.stubs) + 1
    for _, width in table.groups:
        spans.append((start, start + width - 1))
        start += width
    return spans


def _html(table: Table) -> str:
    notes = "".join(f"<p>{_escaped(note)}</p>\n" for note in table.notes)
    title = f'<h3 id="{_escaped(table.id)}">{_escaped(table.title)}</h3>'
    return f"{title}\n<table>\n{_html_rows(table)}</table>\n{notes}"


def _html_part(table: Table) -> str:
    """A table without an id, which the page may have already, and no wider than the page."""
    notes = "".join(f"<p>{_escaped(note)}</p>\n" for note in table.notes)
    title = f"<caption>{_escaped(table.title)}</caption>"
    return f'<div class="wide"><table>\n{title}\n{_html_rows(table)}</table></div>\n{notes}'


def _html_rows(table: Table) -> str:
    """Head and body of a table."""
    heads = []
    if table.groups:
        blank = f'<th colspan="{len(table.stubs)}"></th>'
        spans = "".join(f'<th colspan="{width}">{_escaped(name)}</th>' for name, width in table.groups)
        heads.append(f"<tr>{blank}{spans}</tr>")
    stubs = "".join(f'<th class="stub">{_escaped(name)}</th>' for name in table.stubs)
    heads.append(f"<tr>{stubs}" + "".join(f"<th>{_escaped(name)}</th>" for name in table.columns) + "</tr>")
    body = "\n".join(_html_line(line) for line in table.lines)
    return f"<thead>{''.join(heads)}</thead>\n<tbody>\n{body}\n</tbody>\n"


def _html_line(line: Line) -> str:
    stubs = "".join(f'<td class="stub">{_escaped(stub)}</td>' for stub in line.stubs)
    texts = [(_escaped(cell.text), cell.bold and cell.text) for cell in line.cells]
    cells = "".join(f"<td><b>{text}</b></td>" if bold else f"<td>{text}</td>" for text, bold in texts)
    return f'<tr class="rule">{stubs}{cells}</tr>' if line.rule else f"<tr>{stubs}{cells}</tr>"
