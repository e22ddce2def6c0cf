"""``bench report`` from outside: for an experiment, for a run, without results, and without its packages."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from unittest.mock import patch

import pytest
from command_line import bench_here
from hostile_report import Made
from small_corpora import random_corpus

import bench
from bench.printable import visible
from bench.reports.html import page
from bench.reports.html.visible import all_visible

pytest_plugins = ["browsers", "report_fixtures"]

RUN = ("--task", "ctr", "--encoder", "meanpool", "--baseline", "transearch", "--seeds", 2, "--device", "cpu")


@pytest.mark.slow
def test_a_run_has_a_report_of_its_own_cells(made: Made, tmp_path: Path) -> None:
    file, corpus = tmp_path / "run.html", made.experiment.with_name("small")
    options = (*RUN, "--dataset", corpus, "--set", "ctr.epochs=2", "--out", made.store)
    ran = bench_here("report", *options, "--to", file)
    assert ran.code == 0, ran.err
    assert "4 of 4 cells have a result" in ran.out
    text = file.read_text(encoding="utf-8")
    assert "bench report --task ctr" in text
    assert "bench run --task ctr" in text
    assert "MISSING" not in text
    assert 'id="claims"' not in text, "a run declares no claims"
    result = bench.run(
        "ctr", "meanpool", "transearch", corpus, seeds=2, settings={"ctr.epochs": 2}, device="cpu", out=made.store
    )
    assert result.to_html(tmp_path / "same.html").read_text(encoding="utf-8") == text


@pytest.mark.slow
def test_the_file_is_kept_small_by_comparing_less(made: Made, tmp_path: Path) -> None:
    whole = made.report.stat().st_size
    with patch.object(page, "MOST_BYTES", whole - 1), patch.object(page, "LIMITS", (page.LIMITS[0], page.LIMITS[-1])):
        ran = bench_here(
            "report", made.experiment, "--out", made.store, "--device", "cpu", "--to", tmp_path / "less.html"
        )
    assert ran.code == 0, ran.err
    assert (tmp_path / "less.html").stat().st_size < whole
    assert "left out of this file" in (tmp_path / "less.html").read_text(encoding="utf-8")


def test_without_results_it_says_missing_and_exits_with_1(tmp_path: Path) -> None:
    random_corpus(tmp_path / "small", sessions=20)
    of_run = ("report", *RUN, "--dataset", tmp_path / "small", "--out", tmp_path / "runs")
    ran = bench_here(*of_run)
    assert ran.code == 1, ran.err
    assert "0 of 4 cells have a result" in ran.out
    text = (tmp_path / "runs" / "reports" / "ctr.html").read_text(encoding="utf-8")
    row = bench_here(*of_run, "--json").rows[0]
    assert (row["done"], row["cells"]) == (0, 4)
    assert row["bytes"] == len(text.encode())
    assert "MISSING" in text
    assert "Nothing has been computed yet" in text


def test_wrong_usage_is_one_line(tmp_path: Path) -> None:
    assert "--encoder: is missing" in bench_here("report", "--task", "ctr").error
    assert "--task" in bench_here("report", "quick", "--task", "ctr", "--encoder", "lstm").error
    assert "is for a run" in bench_here("report", "quick", "--seeds", 2).error
    assert "--part" in bench_here("report", "--task", "ctr", "--encoder", "lstm", "--part", "table2").error
    with patch.object(importlib.util, "find_spec", return_value=None):
        assert "pip install 'session-bench[report]'" in bench_here("report", "quick").error


def test_hidden_characters_are_written_as_codes() -> None:
    assert visible("a\u202eb\x00c\x1bd\ud800") == "a\\u202eb\\u0000c\\u001bd\\ud800"
    assert visible("naïve Ελληνικά עברית 搜索 🙂\n\t") == "naïve Ελληνικά עברית 搜索 🙂\n\t"
    assert all_visible({"a\u200f": ["\x07", 1, None, True]}) == {"a\\u200f": ["\\u0007", 1, None, True]}
