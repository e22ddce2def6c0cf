"""A table of an experiment that is too wide goes on below, group after group, every number whole."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from bench.reports.fitting import print_paragraph
from bench.reports.table import Line, Table, TableCell
from bench.reports.terminal import print_tables

METRICS = ("NDCG@10", "HR@10", "MRR@10")
DATASETS = ("Beauty (simulated)", "Clothes (simulated)", "Digital (simulated)")


def table(grouped: bool = True, lines: int = 2) -> Table:
    cells = tuple(TableCell(f"0.{place}345 ± 0.0{place}1†", place == 4) for place in range(9))
    groups = tuple((name, 3) for name in DATASETS) if grouped else ()
    columns = METRICS * 3 if grouped else tuple(f"{m} {n}" for n in range(3) for m in METRICS)
    names = [f"muvcog-m[negatives=random,seed={n}]" for n in range(lines)]
    return Table(
        "t", "Table 2", ("Encoder",), groups, columns, tuple(Line((name,), cells) for name in names), ("A note.",)
    )


def printed(width: int, shown: Table) -> str:
    out = io.StringIO()
    print_tables([shown], Console(file=out, width=width))
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 140, 300])
@pytest.mark.parametrize("grouped", [True, False])
def test_it_fits_and_holds_every_number(width: int, grouped: bool) -> None:
    text = printed(width, table(grouped))
    assert max(map(cell_len, text.splitlines())) <= width
    for place in range(9):
        assert text.count(f"0.{place}345 ± 0.0{place}1†") == 2
    assert text.count("A note.") == 1
    assert "…" not in text


def test_each_piece_says_which_group_it_is() -> None:
    text = printed(100, table())
    assert [line for line in text.splitlines() if line.startswith("Table")] == [f"Table 2: {name}" for name in DATASETS]
    assert printed(300, table()).count("Table 2") == 1
    assert "Table 2: Beauty (simulated) (continued)" in printed(60, table())


def test_a_table_without_lines_or_columns_is_printed() -> None:
    assert "Table 2" in printed(80, table(lines=0))
    assert "Table 2" in printed(80, Table("t", "Table 2", ("Encoder",), (), (), (Line(("a",), ()),)))


def test_what_follows_a_number_goes_below_it_before_a_name_is_cut() -> None:
    cell = TableCell("-0.008 [-0.019, +0.004]; seeds -0.0070 -0.0085")
    stubs = ("first-query", "shown-order", "meanpool")
    shown = Table("t", "Table 2", ("Slice", "Baseline", "Encoder"), (), ("Δ to vanilla",), (Line(stubs, (cell,)),))
    text = printed(80, shown)
    assert all(name in text for name in stubs)
    assert "seeds -0.0070 -0.0085" in text


def test_labels_that_leave_no_room_go_into_the_title_before_a_name_is_cut() -> None:
    verdict = "published size excluded, sign not established"
    names = [(dataset, "transearch", encoder, "ndcg@10") for dataset in DATASETS for encoder in ("vanilla", "muvcog-m")]
    lines = tuple(Line(name, (TableCell("-0.015 [-0.041, +0.011]"), TableCell(verdict))) for name in names)
    heads = ("Dataset", "Baseline", "Encoder", "Metric")
    text = printed(80, Table("t", "Table 2", heads, (), ("Δ ours [95 %]", "verdict"), lines))
    assert text.count(verdict) == len(names)
    assert text.count("muvcog-m") == 2 * len(DATASETS), "once beside each of two columns"
    assert "Table 2: Beauty (simulated): transearch" in text
    assert max(map(cell_len, text.splitlines())) <= 80


@pytest.mark.parametrize("width", range(30, 70, 3))
def test_no_line_of_a_paragraph_ends_within_a_number(width: int) -> None:
    whole = ("-0.00 [-0.20, +0.19]", "p 1.0000", "80 %", "0.169 ± 0.007", "p < 0.05")
    said = "a " + " and so on, as in ".join(whole)
    out = io.StringIO()
    print_paragraph(said, Console(file=out, width=width, force_terminal=True, color_system=None), indent=4)
    lines = out.getvalue().splitlines()
    assert " ".join(line.strip() for line in lines) == said
    assert all(len(line) <= width and line.startswith("    ") for line in lines)
    for piece in ("[-0.20, +0.19]", *whole[1:]):
        assert any(piece in line for line in lines), (piece, lines)
