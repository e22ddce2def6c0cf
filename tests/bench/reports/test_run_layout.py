"""At any width no line of a run's table is wider than the terminal, no name is cut, no number is wrapped."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from bench.evaluation.summary import SummaryRow
from bench.reports.fitting import print_fitting
from bench.reports.run_layout import run_layouts

ENCODERS = ("vanilla", "lstm", "transformer-iq", "muvcog-m[negatives=random]")
NUMBERS = {"ndcg@10": (0.3345, 0.0123), "hr@10": (0.7, 0.02), "mrr@10": (0.2912, 0.011)}


def row(baseline: str, encoder: str, metric: str) -> SummaryRow:
    mean, std = NUMBERS[metric]
    plain = SummaryRow(
        "ctr", "beauty", baseline, encoder, metric, mean, std, 5, None, None, None, None, None, 9, 9, "done", False, "k"
    )
    if encoder == "vanilla":
        return plain
    return replace(plain, delta=0.0234, ci_low=-0.0123, ci_high=0.0456, p=0.001, p_adjusted=0.0123)


ROWS = [row(b, e, m) for b in ("transearch", "word-popularity") for e in ENCODERS for m in NUMBERS]
NOBODY = [replace(row, encoder="gat", status="failed", mean=None, std=None) for row in ROWS[:3]]


def printed(width: int, rows: list[SummaryRow]) -> str:
    out = io.StringIO()
    print_fitting(run_layouts(rows, "ndcg@10"), Console(file=out, width=width), "ctr on beauty")
    return out.getvalue()


@pytest.mark.parametrize("width", [74, 80, 100, 120, 140, 200])
def test_it_fits_and_everything_that_is_shown_is_whole(width: int) -> None:
    text = printed(width, ROWS)
    lines = text.splitlines()
    assert max(map(cell_len, lines)) <= width
    assert "…" not in text
    words = text.replace("│", " ").split()
    for name in (*ENCODERS, "transearch", "word-popularity"):
        assert name in words
    assert sum("+0.023†" in line for line in lines) == 6
    assert sum("[-0.012, +0.046]" in line for line in lines) == 6
    assert sum("0.0123" in line for line in lines) >= 6, "the p-value is never left out"
    assert all(("HR@10" in text) == (metric in text) for metric in ("MRR@10",))


def test_metrics_give_way_before_names_and_a_note_says_so() -> None:
    wide, narrow, narrowest = printed(160, ROWS), printed(80, ROWS), printed(74, ROWS)
    assert "0.335 ± 0.012" in wide
    assert "0.70" in wide
    assert "not shown" not in wide
    assert "not shown at this width: HR@10, MRR@10" in narrow
    assert "0.70" not in narrow
    assert "deviations of the metrics" in narrowest


def test_what_failed_has_a_place_at_every_width() -> None:
    for width in (74, 80, 160):
        assert "FAILED" in printed(width, [*ROWS, *NOBODY])
