"""``bench run`` end to end: what it prints, that it is repeatable and does no work twice, and what a failure does."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest
from command_line import Ran, bench_fork, bench_here, bench_process
from odd_encoders import install_odd_encoders
from small_corpora import random_corpus
from third_party import install_encoder

from bench.data.corpus import Corpus

pytestmark = pytest.mark.slow  # worker processes import torch

KEYS = [
    "task",
    "dataset",
    "baseline",
    "encoder",
    "metric",
    "mean",
    "std",
    "seeds",
    "delta",
    "ci_low",
    "ci_high",
    "p",
    "p_adjusted",
    "n_users",
    "n_queries",
    "status",
    "cached",
    "key",
    "split",
    "n_corpora",
    "corpus_deltas",
    "by_seed",
    *("smallest_found", "smallest_limit", "smallest_any_users", "smallest_twice_seeds"),
    *("groups", "bold", "groups_note"),
    *("delta_error", "degrees", "effect", "won", "tied", "lost"),
    *("test", "family", "family_size", "flip_p", "flip_p_adjusted"),
    *("strongest", "strongest_delta", "strongest_ci_low", "strongest_ci_high"),
    *("strongest_p", "strongest_p_adjusted", "strongest_by_seed"),
    *("commit", "versions", "n_left_out"),
    "keys",
]
LISTS = ("keys", "corpus_deltas", "by_seed", "strongest_by_seed")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_corpus(tmp_path_factory.mktemp("corpora") / "small", sessions=60).folder


def command(corpus: Path, out: Path, encoders: str = "lstm,random", *more: object) -> list[object]:
    names = ["run", "--task", "ctr", "--baseline", "transearch", "--encoder", encoders, "--dataset", corpus]
    return [*names, "--seeds", 2, "--set", "epochs=1", "--device", "cpu", "--out", out, *more]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def first(corpus: Path, runs: Path) -> Ran:
    ran = bench_process(*command(corpus, runs, "lstm,random", "--jobs", 2, "--json"))
    assert ran.code == 0, ran.err
    return ran


def test_json_is_flat_objects_with_these_keys_and_nothing_else(first: Ran) -> None:
    assert all(list(row) == KEYS for row in first.rows)
    flat = [{key: value for key, value in row.items() if key not in LISTS} for row in first.rows]
    assert all(not isinstance(value, list | dict) for row in flat for value in row.values())
    assert all(row["keys"] == row["key"].split() for row in first.rows), "one key a seed"
    assert [row["encoder"] for row in first.rows] == ["vanilla"] * 3 + ["lstm"] * 3 + ["random"] * 3
    assert [row["metric"] for row in first.rows][:3] == ["ndcg@10", "hr@10", "mrr@10"]


def test_every_row_says_what_it_rests_on(first: Ran) -> None:
    for row in first.rows:
        assert (row["task"], row["dataset"], row["baseline"]) == ("ctr", "small", "transearch")
        assert (row["status"], row["cached"], row["seeds"]) == ("done", False, 2)
        assert 0 <= row["mean"] <= 1
        assert row["std"] >= 0
        assert row["n_queries"] >= row["n_users"] > 1
        assert len(row["key"].split()) == 2
        compared = [row[name] for name in ("delta", "ci_low", "ci_high", "p", "p_adjusted")]
        if row["encoder"] == "vanilla":
            assert compared == [None] * 5
        else:
            assert row["ci_low"] <= row["delta"] <= row["ci_high"]
            assert 0 <= row["p"] <= row["p_adjusted"] <= 1


def test_numbers_are_those_of_the_stored_scores(first: Ran, runs: Path) -> None:
    by_name = {(row["encoder"], row["metric"]): row for row in first.rows}
    for (encoder, metric), row in by_name.items():
        seeds = [pd.read_parquet(runs / "cells" / key / "scores.parquet") for key in row["key"].split()]
        means = [frame.loc[frame["metric"] == metric, "value"].mean() for frame in seeds]
        assert row["mean"] == pytest.approx(sum(means) / 2)
        assert row["std"] == pytest.approx(abs(means[0] - means[1]) / math.sqrt(2))
        assert row["n_queries"] == seeds[0]["unit"].nunique()
        assert row["n_users"] == seeds[0]["user"].nunique()
        if encoder != "vanilla":
            assert row["delta"] == pytest.approx(row["mean"] - by_name["vanilla", metric]["mean"])


def test_a_second_run_does_no_work(first: Ran, corpus: Path, runs: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in runs.rglob("*")}
    again = bench_here(*command(corpus, runs, "lstm,random", "--json"))
    assert [line for line in again.err.splitlines() if not line.startswith("Warning: ")] == [
        f"6 cells, 0 computed now; results in {runs}/cells"
    ], "a job was started"
    assert again.rows == [{**row, "cached": True} for row in first.rows]
    assert {path: path.stat().st_mtime_ns for path in runs.rglob("*")} == before


def test_numbers_depend_neither_on_the_number_of_processes_nor_on_the_folder(
    first: Ran, corpus: Path, runs: Path, tmp_path: Path
) -> None:
    alone = bench_here(*command(corpus, tmp_path / "other", "lstm,random", "--jobs", 1, "--json"))
    assert alone.rows == first.rows
    for key in {key for row in first.rows for key in row["key"].split()}:
        for table in ("scores", "predictions", "curve"):
            one, other = (pd.read_parquet(r / "cells" / key / f"{table}.parquet") for r in (runs, tmp_path / "other"))
            pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_people_get_a_table_with_the_caveats(first: Ran, corpus: Path, runs: Path) -> None:
    ran = bench_here(*command(corpus, runs))
    assert ran.code == 0
    assert "ctr on small (simulated)" in ran.out
    assert "Note: random" in ran.out
    assert "6 cells, 0 computed now" in ran.out
    assert (
        f"{first.rows[0]['n_queries']} queries of {first.rows[0]['n_users']} users in the test split, 2 seeds."
        in ran.out
    )


def test_one_more_encoder_computes_only_its_own_cells(first: Ran, corpus: Path, runs: Path, tmp_path: Path) -> None:
    plugins = [install_encoder(tmp_path)]
    ran = bench_fork(*command(corpus, runs, "random,counts", "--set", "counts.scale=2", "--json"), plugins=plugins)
    assert ran.code == 0, ran.err
    assert {row["encoder"]: row["cached"] for row in ran.rows} == {"vanilla": True, "random": True, "counts": False}
    theirs = [row for row in ran.rows if row["encoder"] == "counts"]
    assert all(row["status"] == "done" and row["delta"] is not None for row in theirs)
    shown = bench_here("show", theirs[0]["key"].split()[0], "--out", runs)
    assert '"scale": 2.0' in shown.out


def test_one_seed_has_no_deviation_and_says_so(first: Ran, corpus: Path, runs: Path) -> None:
    arguments = [1 if value == 2 else value for value in command(corpus, runs)]
    rows = bench_here(*arguments, "--json").rows
    assert {row["std"] for row in rows} == {None}
    assert {row["seeds"] for row in rows} == {1}
    assert all(row["cached"] for row in rows)
    assert "One seed" in bench_here(*arguments).out


def test_show_tells_how_a_number_came_about(first: Ran, runs: Path) -> None:
    key = first.rows[0]["key"].split()[0]
    record = bench_here("show", key[:12], "--out", runs).rows
    assert record["key"] == key
    assert record["status"] == "done"
    assert record["config"]["task"]["options"]["epochs"] == 1
    assert {"torch", "numpy"} <= set(record["config"]["libraries"])
    assert record["provenance"]["session_bench"]
    assert record["seconds"] > 0
    assert "results begin like this" in bench_here("show", "", "--out", runs).error


def test_a_broken_encoder_fails_alone(first: Ran, corpus: Path, runs: Path, tmp_path: Path) -> None:
    plugins = [install_odd_encoders(tmp_path)]
    ran = bench_fork(*command(corpus, runs, "lstm,raises", "--json"), plugins=plugins)
    assert ran.code == 1
    status = {(row["encoder"], row["status"]) for row in ran.rows}
    assert status == {("vanilla", "done"), ("lstm", "done"), ("raises", "failed")}
    for row in ran.rows:
        numbers = [row[name] for name in ("mean", "std", "delta", "ci_low", "ci_high", "p", "p_adjusted")]
        if row["status"] == "failed":
            assert numbers == [None] * 7
    lstm = {row["metric"]: row for row in first.rows if row["encoder"] == "lstm"}
    assert all(row["mean"] == lstm[row["metric"]]["mean"] for row in ran.rows if row["encoder"] == "lstm")
    assert "ArithmeticError: no luck" in ran.err
    assert "Traceback" not in ran.err
    (failed,) = [line for line in ran.err.splitlines() if line.startswith("FAILED ")]
    assert failed.startswith(
        "FAILED ctr small transearch × raises × 2 seeds (2 cells): pretraining: ArithmeticError: no luck "
    )

    table = bench_fork(*command(corpus, runs, "lstm,raises"), plugins=plugins)
    assert table.code == 1
    assert "FAILED" in next(line for line in table.out.splitlines() if " raises " in line and "transearch" in line)
    key = next(row["key"] for row in ran.rows if row["encoder"] == "raises").split()[0]
    assert "no luck" in bench_here("show", key, "--out", runs).out


def test_a_recorded_run_says_how_its_numbers_came_about(first: Ran, corpus: Path, runs: Path, tmp_path: Path) -> None:
    budget = ("--set", "steps=4", "--set", "validate_every=2")
    ran = bench_here(*command(corpus, runs, "muvcog-m", *budget, "--record", tmp_path / "record", "--json"))
    assert ran.code == 0, ran.err
    folder = tmp_path / "record"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["record"]
    assert json.loads((folder / "rows.json").read_text()) == ran.rows
    provenance = json.loads((folder / "provenance.json").read_text())
    words = provenance["command"].split()
    assert words[:2] == ["bench", "run"]
    spelt_out = {"--baseline": "transearch", "--encoder": "vanilla,muvcog-m", "--seeds": "2", "--device": "cpu"}
    assert {option: words[words.index(option) + 1] for option in spelt_out} == spelt_out
    assert str(runs) not in provenance["command"], "where results go decides no number"
    assert provenance["corpora"]["small"]["fingerprint"] == Corpus(corpus).info.fingerprint
    assert provenance["options"]["encoder muvcog-m"]["steps"] == 4
    assert provenance["cells"] == sorted(key for row in ran.rows[::3] for key in row["key"].split())
    table = (folder / "table.md").read_text()
    assert table.startswith(f"`{provenance['command']}`")
    assert "ctr on small (simulated)" in table
    curves = pd.read_csv(folder / "curves.csv")
    assert list(curves["step"]) == [2, 4] * 2
    assert list(curves["seed"]) == [0, 0, 1, 1]
