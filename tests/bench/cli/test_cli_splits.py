"""Splits from the command line: asked for where a corpus is made, named by every table."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import bench_here

from bench.data.corpus import Corpus

SIZE = ("--set", "sessions=300", "--set", "downstream=300", "--set", "shown=10")


@pytest.mark.parametrize("kind", ["time", "user"])
def test_tables_of_a_corpus_that_is_not_split_at_random_say_how_it_is(tmp_path: Path, kind: str) -> None:
    words = ("--dataset", "beauty", *SIZE, "--set", f"split={kind}", "--seeds", 1, "--out", tmp_path)
    words = ("run", "--task", "ctr", "--encoder", "vanilla", "--baseline", "popularity,alstp", *words)
    ran = bench_here(*words, "--set", "ctr.epochs=1")
    assert ran.code == 0, ran.err
    assert f"ctr on beauty (simulated, split by {kind})" in ran.out
    assert ("are left out" in ran.out) == (kind == "time"), "what was left out stands under the table"
    listed = bench_here(*words, "--set", "ctr.epochs=1", "--json")
    assert {row["split"] for row in listed.rows} == {kind}
    assert f"split by {kind}" in bench_here(*words, "--set", "ctr.epochs=1", "--markdown").out
    (folder,) = (tmp_path / "corpora").glob("beauty-*")
    assert Corpus(folder).info.split == kind
    assert bench_here("data", "validate", folder).code == 0
    assert f"split by {kind}" in bench_here("data", "stats", folder).out
    assert f"sessions, split by {kind}" in bench_here("data", "list", "--out", tmp_path).out


def test_an_unknown_split_names_the_others(tmp_path: Path) -> None:
    error = bench_here("data", "make", "beauty", "--set", "split=weekday", "--out", tmp_path).error
    assert "random" in error
    assert "user" in error
    error = bench_here("data", "ingest", tmp_path, "--to", tmp_path / "x", "--split", "weekday").error
    assert "split must be random, time or user, not 'weekday'" in error


def test_the_command_that_repeats_a_number_has_the_split(tmp_path: Path) -> None:
    words = ("--dataset", "beauty", *SIZE, "--set", "split=user", "--seeds", 1, "--out", tmp_path)
    ran = bench_here("run", "--task", "ctr", "--encoder", "vanilla", "--baseline", "popularity", *words)
    assert ran.code == 0, ran.err
    shown = bench_here("show", "popularity/vanilla/0", "--out", tmp_path)
    assert "beauty.split=user" in shown.out
