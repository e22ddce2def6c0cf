"""``bench power`` reads what a run stored, runs nothing itself, and says *never* where seeds bind."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import bench_here
from small_corpora import random_corpus

pytestmark = pytest.mark.slow  # worker processes import torch


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_corpus(tmp_path_factory.mktemp("corpora") / "small", sessions=60).folder


def options(corpus: Path, out: Path) -> list[object]:
    chosen = ["--task", "ctr", "--baseline", "transearch", "--encoder", "meanpool", "--dataset", corpus]
    return [*chosen, "--seeds", 2, "--set", "epochs=1", "--device", "cpu", "--out", out]


def test_a_stored_comparison_is_asked_and_nothing_is_run(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    before = bench_here("power", *options(corpus, out), "--detect", ".005")
    assert before.code == 2
    assert "no comparison with two seeds or more is stored" in before.err
    assert bench_here("run", *options(corpus, out), "--jobs", 1).code == 0
    cells = sorted(path.name for path in (out / "cells").iterdir())

    ran = bench_here("power", *options(corpus, out), "--detect", ".005", "--json")
    assert ran.code == 0, ran.err
    assert {row["seeds"] for row in ran.rows} == {2, 3, 5, 10, 20, 40}
    assert {(row["encoder"], row["reference"], row["stored_seeds"]) for row in ran.rows} == {("meanpool", "vanilla", 2)}
    endless = {row["seeds"]: row for row in ran.rows if row["users"] is None}
    for row in ran.rows:
        assert row["found"] == (row["smallest_found"] <= 0.005)
        assert (row["users_needed"] is None) == (endless[row["seeds"]]["smallest_found"] >= 0.005)
    assert sorted(path.name for path in (out / "cells").iterdir()) == cells

    table = bench_here("power", *options(corpus, out), "--detect", "1e-9")
    assert table.code == 0
    assert "meanpool − vanilla in NDCG@10" in table.out
    assert "never" in table.out or all(row["smallest_found"] == 0 for row in endless.values())
    assert "above 0" in bench_here("power", *options(corpus, out), "--detect", "-1").err
