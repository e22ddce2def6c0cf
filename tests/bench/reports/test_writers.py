"""One table in every format: nothing lost, nothing that a format takes for its own syntax."""

from __future__ import annotations

import csv
import html.parser
import io
import json
import re

import pytest

from bench.reports.table import Line, Table, TableCell
from bench.reports.writers import WRITERS

TABLE = Table(
    id="t1",
    title="Δ & 50 % of <all> | pipes_and #hashes",
    stubs=("Baseline", "Encoder"),
    groups=(("Beauty (simulated)", 2), ("A&B", 1)),
    columns=("NDCG@10", "HR@10", "x_1"),
    lines=(
        Line(("b", "m[negatives=random]"), (TableCell("0.27 ± 0.01†", True), TableCell("–"), TableCell("FAILED"))),
        Line(("b|c", "{n}"), (TableCell("↑ 7.4 %"), TableCell("", True), TableCell("~1^2\\3"))),
        Line(("d", "e"), (TableCell("1"), TableCell("2"), TableCell("3 < 4")), rule=True),
    ),
    notes=("p < 0.05 & more",),
    rows=(
        {"table": "t1", "row": "b / m", "column": "x", "mean": 0.25, "reason": 'a, "quoted"\nline'},
        {"table": "t1", "row": "b / n", "column": "x", "mean": None, "extra": True},
    ),
)


class Cells(html.parser.HTMLParser):
    """The texts of all cells, row by row, and the tags that were opened and closed."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.spans: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
            self.spans.append(0)
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.spans[-1] += int(dict(attrs).get("colspan") or 1)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def test_html_has_every_text_and_every_row_the_same_width() -> None:
    cells = Cells()
    cells.feed(WRITERS["html"]([TABLE, TABLE]))
    assert cells.open == []
    assert set(cells.spans) == {5}
    body = [row for row in cells.rows if row[0] in ("b", "b|c", "d")]
    assert body == [[*line.stubs, *(cell.text for cell in line.cells)] for line in TABLE.lines] * 2


def test_markdown_has_as_many_bars_in_every_line() -> None:
    text = WRITERS["md"]([TABLE])
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(TABLE.lines)
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {6}
    assert "**0.27 ± 0.01†**" in text
    assert "****" not in text
    assert "Beauty (simulated) NDCG@10" in text
    assert text.startswith("### Δ & 50 %")
    assert text.rstrip().endswith("p < 0.05 & more")


def test_latex_escapes_and_balances() -> None:
    text = WRITERS["tex"]([TABLE])
    assert r"\multicolumn{2}{c}{Beauty (simulated)}" in text
    assert r"\cmidrule(lr){3-4} \cmidrule(lr){5-5}" in text
    assert r"\textbf{0.27 $\pm$ 0.01$^\dagger$}" in text
    assert r"A\&B" in text
    assert r"x\_1" in text
    assert r"\{n\}" in text
    assert r"\textasciitilde{}1\textasciicircum{}2\textbackslash{}3" in text
    assert r"\textbf{}" not in text
    assert text.count(r"\midrule") == 2
    rows = [line for line in text.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {4}
    assert not re.search(r"(?<!\\)[%#]", text), "a bare one would be a comment or a parameter"
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert not set("±†Δ↑–") & set(text)


def test_csv_and_json_hold_the_numbers() -> None:
    rows = list(csv.DictReader(io.StringIO(WRITERS["csv"]([TABLE]))))
    assert [row["mean"] for row in rows] == ["0.25", ""]
    assert rows[0]["reason"] == 'a, "quoted"\nline'
    assert json.loads(WRITERS["json"]([TABLE])) == [dict(row) for row in TABLE.rows]
    with pytest.raises(ValueError):
        WRITERS["json"]([Table("t", "", (), (), (), (), rows=({"mean": float("nan")},))])


@pytest.mark.parametrize("ending", WRITERS)
def test_an_empty_table_is_written_too(ending: str) -> None:
    empty = Table("t", "Nothing", ("A",), (), ("B",), ())
    assert isinstance(WRITERS[ending]([empty]), str)
    assert isinstance(WRITERS[ending]([]), str)
