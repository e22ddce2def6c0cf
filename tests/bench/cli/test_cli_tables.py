"""``bench tables`` from outside: every table in every format, no work twice, and a failure that stops nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Ran, bench_fork, bench_here
from odd_encoders import install_odd_encoders
from small_corpora import random_corpus

FILE = """
title = "Ours"
seeds = 2
champion = "random"
source = "nobody"
[settings]
ctr.epochs = 1
suggest.epochs = 1
[labels]
random = "UNTRAINED"
[[part]]
id = "table2"
title = "Clicks"
task = "ctr"
datasets = ["FOLDER"]
baselines = ["transearch"]
encoders = ["vanilla", "lstm", "random"]
metrics = ["ndcg@10", "hr@10", "mrr@10"]
layout = "table2"
[[part]]
id = "table3"
title = "Suggestions"
task = "suggest"
datasets = ["FOLDER"]
baselines = ["ffn"]
encoders = ["lstm-t", "meanpool"]
metrics = ["ndcg@10", "avg_sim"]
layout = "table3"
groups = { No = ["lstm-t"], Yes = ["meanpool"] }
[[part]]
id = "figure4"
title = "Clicks again"
task = "ctr"
datasets = ["FOLDER"]
baselines = ["transearch"]
encoders = ["vanilla", "random"]
metrics = ["ndcg@10"]
layout = "bars"
[[part]]
id = "table4"
title = "Intents"
task = "intent"
datasets = ["FOLDER"]
baselines = ["xgboost"]
encoders = ["meanpool", "random"]
metrics = ["auc", "acc", "precision", "recall", "f1"]
layout = "table4"
[[published]]
part = "table2"
where = "Table 9, section 9"
dataset = "FOLDER"
metrics = ["ndcg@10"]
[published.values.transearch]
vanilla = [0.5]
random = [0.6]
"""


def experiment(folder: Path, text: str = FILE) -> Path:
    corpus = folder / "small"
    if not corpus.exists():
        random_corpus(corpus, sessions=60)
    file = folder / "ours.toml"
    file.write_text(text.replace("FOLDER", str(corpus)))
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


@pytest.fixture(scope="module")
def first(folder: Path) -> Ran:
    ran = bench_here("tables", experiment(folder), "--out", folder / "runs", "--jobs", 2, "--device", "cpu")
    assert ran.code == 0, ran.err
    return ran


def tables(folder: Path, *more: object) -> Ran:
    return bench_here("tables", folder / "ours.toml", "--out", folder / "runs", "--device", "cpu", *more)


@pytest.mark.slow  # worker processes import torch
def test_markdown_on_standard_output_and_every_format_in_the_folder(first: Ran, folder: Path) -> None:
    titles = [line for line in first.out.splitlines() if line.startswith("### ")]
    assert [title.partition(":")[0] for title in titles] == [
        *["### Table 1"], *["### Table 2"] * 3, *["### Table 3"] * 2, *["### Figure 4"] * 2, *["### Table 4"] * 2,
    ]  # fmt: skip
    assert "small (simulated)" in first.out
    assert "UNTRAINED" in first.out
    assert "FAILED" not in first.out
    assert "MISSING" not in first.out
    written = folder / "runs" / "tables" / "ours"
    ids = ["table1", "table2", "table2-differences", "table2-published", "table3", "figure4", "table4"]
    for name in ids:
        for ending in ("md", "tex", "csv", "html", "json"):
            assert (written / f"{name}.{ending}").stat().st_size > 0
    assert not list((folder / "runs" / "tables").glob("*.writing"))
    provenance = json.loads((written / "provenance.json").read_text())
    assert provenance["experiment"]["settings"] == ["ctr.epochs=1", "suggest.epochs=1"]
    assert provenance["corpora"]["small"]["origin"] == "simulated"
    assert provenance["command"].startswith("bench tables")
    assert str(folder / "runs") not in provenance["command"]
    assert provenance["command"] in (written / "tables.md").read_text()


@pytest.mark.slow
def test_cells_of_two_parts_are_run_once(first: Ran, folder: Path) -> None:
    assert "18 cells, 18 computed now" in first.err  # 6 + 6 + 6; figure4's are table2's
    assert len(list((folder / "runs" / "cells").iterdir())) == 18
    assert first.err.count(": done") == 18 + 2 * (2 + 4), "cells; pretrainings of random, meanpool, and embeddings"


@pytest.mark.slow
def test_a_second_run_does_no_work_and_says_the_same(first: Ran, folder: Path) -> None:
    results = [path for kind in ("cells", "encoders", "embeddings") for path in (folder / "runs" / kind).rglob("*")]
    before = {path: path.stat().st_mtime_ns for path in results}
    again = tables(folder)
    assert again.code == 0
    assert again.out == first.out
    assert "18 cells, 0 computed now" in again.err
    assert {path: path.stat().st_mtime_ns for path in results} == before


@pytest.mark.slow
def test_json_is_flat_objects_and_nothing_else(first: Ran, folder: Path) -> None:
    rows = tables(folder, "--json", "--part", "table2,table4").rows
    lists = ("by_seed", "corpus_deltas")
    flat = [{key: value for key, value in row.items() if key not in lists} for row in rows]
    assert all(not isinstance(value, list | dict) for row in flat for value in row.values())
    assert {row["table"] for row in rows} == {
        *("table2", "table2-differences", "table2-published", "table4", "table4-differences"),
    }
    ours = next(r for r in rows if (r["table"], r["row"], r["column"]) == ("table4", "xgboost / random", "small f1"))
    run = bench_here(
        *("run", "--task", "intent", "--encoder", "random", "--dataset", folder / "small", "--seeds", 2),
        *("--out", folder / "runs", "--device", "cpu", "--json"),
    ).rows
    same = next(row for row in run if (row["encoder"], row["metric"]) == ("random", "f1"))
    assert (ours["mean"], ours["std"], ours["key"]) == (same["mean"], same["std"], same["key"])
    assert same["cached"], "the same cells as bench run's"


@pytest.mark.slow
def test_a_dry_run_says_what_is_left_and_does_nothing(first: Ran, folder: Path, tmp_path: Path) -> None:
    done = tables(folder, "--dry-run")
    assert "table2: 6 cells, 6 done" in done.out
    assert "all: 18 cells, those of several parts once; 18 done" in done.out
    assert "about 0 s" in done.out
    fresh = bench_here("tables", folder / "ours.toml", "--dry-run", "--out", tmp_path / "runs", "--jobs", 2)
    assert "all: 18 cells, those of several parts once; 0 done" in fresh.out
    assert "4 pretrainings, shared by their cells; 0 done" in fresh.out
    assert "on 2 processes" in fresh.out
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.slow
def test_rerun_computes_these_cells_again_and_no_others(first: Ran, folder: Path) -> None:
    cells = folder / "runs" / "cells"
    before = {path.name: (path / "cell.json").stat().st_mtime_ns for path in cells.iterdir()}
    ran = tables(folder, "--part", "table4", "--rerun", "--jobs", 2, "--json")
    assert ran.code == 0, ran.err
    assert "removed 6 results" in ran.err
    after = {path.name: (path / "cell.json").stat().st_mtime_ns for path in cells.iterdir()}
    changed = {name for name in before if before[name] != after[name]}
    assert set(after) == set(before)
    mine = {key for row in ran.rows if row["table"] == "table4" for key in row["key"].split()}
    assert mine < changed, "those of vanilla as well, which the table does not show"
    assert len(changed) == 6


@pytest.mark.slow
def test_without_running_what_is_not_there_is_missing(first: Ran, folder: Path, tmp_path: Path) -> None:
    ran = bench_here("tables", folder / "ours.toml", "--no-run", "--out", tmp_path / "runs", "--to", tmp_path / "to")
    assert ran.code == 1
    row = next(line for line in ran.out.splitlines() if line.startswith("| transearch | lstm"))
    assert row.count("MISSING") == 3
    assert (tmp_path / "to" / "table2.tex").exists()
    assert not (tmp_path / "runs" / "cells").exists()


@pytest.mark.slow
def test_table1_alone_runs_nothing(first: Ran, folder: Path, tmp_path: Path) -> None:
    ran = bench_here(
        *("tables", folder / "ours.toml", "--part", "table1", "--out", tmp_path / "runs", "--format", "md"),
    )
    assert ran.code == 0
    assert [line for line in ran.out.splitlines() if line.startswith("### ")] == ["### Table 1: dataset statistics"]
    assert {path.name for path in (tmp_path / "runs" / "tables" / "ours").iterdir()} == {
        *("table1.md", "tables.md", "provenance.json"),
    }
    assert not (tmp_path / "runs" / "cells").exists()


@pytest.mark.slow
def test_with_a_broken_encoder_everything_else_is_there(first: Ran, folder: Path, tmp_path: Path) -> None:
    text = FILE.replace('"vanilla", "lstm", "random"]', '"vanilla", "lstm", "raises", "random"]', 1)
    text = text.replace('encoders = ["meanpool", "random"]', 'encoders = ["meanpool", "dies", "random"]')
    (tmp_path / "ours.toml").write_text(text.replace("FOLDER", str(folder / "small")))
    plugins = [install_odd_encoders(tmp_path / "plugins")]
    command = ["tables", tmp_path / "ours.toml", "--out", folder / "runs", "--to", tmp_path / "to", "--jobs", 2]
    ran = bench_fork(*command, "--device", "cpu", plugins=plugins)
    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert "ArithmeticError: no luck" in ran.err
    shown = {line.split("|")[2].strip(): line for line in ran.out.splitlines() if line.startswith("| transearch |")}
    rows = {
        (row["row"], row["metric"]): row
        for name in ("table2", "table3", "table4")
        for row in json.loads((tmp_path / "to" / f"{name}.json").read_text())
    }
    failed = {name for (name, _), row in rows.items() if row["status"] == "failed"}
    assert failed == {"transearch / raises", "xgboost / dies"}
    assert all(row["mean"] is not None for (name, _), row in rows.items() if name not in failed)
    assert "no luck" in rows["transearch / raises", "ndcg@10"]["reason"]
    assert shown
    line = next(line for line in ran.out.splitlines() if line.startswith("| transearch | raises"))
    assert line.count("FAILED") == 3
    before = json.loads((folder / "runs" / "tables" / "ours" / "table3.json").read_text())
    assert [row["mean"] for row in before] == [row["mean"] for (name, _), row in rows.items() if name.startswith("ffn")]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["kdd23"], "no experiment is called 'kdd23' (did you mean kdd22"),
        (["nowhere.toml"], "nowhere.toml: no such file"),
        (["quick", "--part", "table9"], "--part: quick has no part 'table9' (did you mean"),
        (["quick", "--format", "xml"], "--format: no format 'xml'"),
        (["quick", "--rerun", "--no-run"], "--rerun: removes results"),
        (["quick", "--device", "gpu"], "--device: 'gpu' is not auto, cpu or cuda"),
    ],
    ids=str,
)
def test_wrong_usage_is_one_line_and_makes_nothing(tmp_path: Path, arguments: list[str], line: str) -> None:
    ran = bench_here("tables", *arguments, "--out", tmp_path / "runs")
    assert line in ran.error
    assert not (tmp_path / "runs").exists()
