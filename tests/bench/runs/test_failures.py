"""What failed for one reason is one line with a count, however many cells it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bench.runs.failures import failure_lines, root_reason
from bench.runs.jobs import Cell, Job


def failed(encoder: str, seed: int, error: str, baseline: str = "transearch") -> tuple[Cell, dict[str, Any]]:
    key = f"{baseline}-{encoder}-{seed}"
    job = Job("cells", key, {}, "", (), f"ctr beauty {baseline} {encoder} seed {seed}")
    return Cell("beauty", "ctr", baseline, encoder, seed, (job,)), {"status": "failed", "error": error}


def test_a_single_failure_says_which_cell_and_how_to_see_it() -> None:
    assert failure_lines([failed("lstm", 2, "no luck")]) == [
        "FAILED ctr beauty transearch lstm seed 2: no luck  (bench show transearch-lstm-2)"
    ]


def test_what_failed_alike_is_one_line_with_a_count() -> None:
    encoders, seeds = ("vanilla", "lstm", "gat", "agv", "hlv"), range(5)
    cells = [failed(encoder, seed, "IndexError: size 0") for encoder in encoders for seed in seeds]
    lines = failure_lines([*cells, *cells, failed("bert", 0, "no luck")])
    assert lines == [
        "FAILED ctr beauty transearch × 5 encoders × 5 seeds (25 cells): IndexError: size 0  "
        "(bench show transearch-vanilla-0)",
        "FAILED ctr beauty transearch bert seed 0: no luck  (bench show transearch-bert-0)",
    ]


def test_corpora_that_failed_are_named() -> None:
    cells = [failed("gat", seed, "no luck") for seed in (1000, 1001, 4000, 4001)]
    told = [(replace(cell, corpus_seed=cell.seed // 1000 + 1), record) for cell, record in cells]
    assert failure_lines(told[:2])[0].startswith("FAILED ctr beauty transearch × gat × corpus 2 × 2 seeds (2 cells)")
    assert failure_lines(told)[0].startswith(
        "FAILED ctr beauty transearch × gat × corpora 2, 5 × 4 seeds in all (4 cells)"
    )


def test_what_lies_behind_is_the_reason_whichever_seed_it_was() -> None:
    behind = "needs embed beauty with gat seed {0} for ctr, which failed: needs pretrain gat on beauty seed {0}, which "
    errors = [behind.format(seed) + "failed: the loss is nan" for seed in range(3)]
    assert {root_reason(error) for error in errors} == {("pretraining", "the loss is nan")}
    (line,) = failure_lines(
        failed("gat", seed, error, baseline) for baseline in "ab" for seed, error in enumerate(errors)
    )
    assert line.startswith("FAILED ctr beauty a and b × gat × 3 seeds (6 cells): pretraining: the loss is nan  (")


def test_a_reason_of_many_lines_is_a_short_one() -> None:
    (line,) = failure_lines([failed("gat", 0, "a\nlong " * 200)])
    assert "\n" not in line
    assert len(line) < 260
